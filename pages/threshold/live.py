"""The body of page Threshold and cost; follows a run while it trains."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared import film, measurement_button, run_picker
from pages.shared.follow import follow
from pages.threshold import criteria, speed
from pages.threshold import files as threshold_files
from pages.threshold import view as view_of
from pages.threshold.component import board, pack
from sbp.pruning.cost import network_cost
from sbp.runs.store import RunView
from sbp.viz import sweep as sweeps
from sbp.viz import threshold as figures
from sbp.viz.tables import tables

POLL_SECONDS = 4.0


def show(run_id: str) -> None:
    """Shows a run's threshold and costs; polls only while it trains."""
    follow(run_id, _body, POLL_SECONDS)


def _body(run: RunView, _polling: bool) -> None:
    found = tables(run)
    t = view_of.asked()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="threshold-line"):
        run_picker.line(run, film.followable)
        st.markdown(f":gray[at the last epoch, {found.newest}]", width="content")
    sweep, missing = view_of.sweep_of(run)
    packed, stops = _packed(run.stamp, run)
    at = sweeps.nearest(stops, t)
    board(t, packed, view_of.rested)
    if missing:
        st.info(missing, icon=":material/query_stats:")
        measurable = not (run.recorded or run.config.tracked or run.state.active)
        if measurable and run.model_path is not None:
            measurement_button.offer(run.id, "sweep", "Measure it here", "Runs that command in a process of its own.")
    stop = stops.iloc[at]
    said = figures.examples_of(sweep, run.config.data.dataset) if sweep else "held-out examples"
    if not run.config.tracked:
        criteria.frontier(run, sweep, said, stop)
    threshold = float(stop["threshold"])
    speed.section(run, stop, lambda: threshold_files.downloads(run, found, sweep, threshold))
    criteria.noise(run, found, sweep, threshold)
    threshold_files.figures_along(run, found, stops, at, said)


@st.cache_data(max_entries=16, show_spinner=False)
def _packed(stamp: Any, _run: RunView) -> tuple[dict[str, Any], Any]:
    """What the component is given, and the stops it was made from."""
    found, config = tables(_run), _run.config
    sweep, _ = view_of.sweep_of(_run)
    dense = network_cost(_run.description, [layer.units for layer in _run.layers])
    stops = sweeps.stops(found, _run.description, sweep)
    examples = figures.examples_of(sweep, config.data.dataset) if sweep else ""
    costs = dense.macs, dense.params
    return pack(stops, _run.layers, costs, found.prior_snr, sweep, examples, _run.result), stops
