"""Page Methods, its lower part: the bound through training, the interval, and the way to page Pixels."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from pages.methods import recorded_tables
from pages.shared import film, run_picker
from pages.shared.figures import figure
from sbp.runs import store
from sbp.viz import figure_1
from sbp.viz import interval as intervals
from sbp.viz.tables import tables

FIGURE_1 = {"figure-1-trained": "mu and sigma trained", "figure-1-fixed-mu": "mu fixed at 0, sigma trained"}


def bound() -> None:
    """The paper's Figure 1: N·NLL + KL through training, with mu fixed and with mu trained."""
    st.subheader("Does training mu help? (the paper’s Figure 1)")
    curves = {}
    for run_id, name in FIGURE_1.items():
        run = run_picker.sound(run_id)
        if run is None:
            continue
        found = tables(run)
        records = found.after_pretraining
        curves[name] = [
            (int(e), found.n_train * float(loss)) for e, loss in zip(records["epoch"], records["loss"], strict=True)
        ]
    if len(curves) < len(FIGURE_1):
        recorded_tables.missing("figure-1", "Figure 1")
        return
    title, chart = "The bound by epoch: the lower, the better", partial(figure_1.chart, curves)
    figure(title, chart, key="methods-figure-1", table=lambda: _csv(curves))
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        for run_id, name in FIGURE_1.items():
            st.page_link("train/page.py", label=f"Watch: {name}", icon=":material/movie:", query_params={"run": run_id})


def interval() -> None:
    """Error, and remaining units and MACs, against b - a."""
    st.subheader("Does the lower end a matter? (the paper, section 5.1)")
    table = recorded_tables.recorded("interval")
    found = intervals.table(table.rows if table else ())
    if found.empty:
        recorded_tables.missing("interval", "The experiment with the interval")
        return
    columns = st.columns(2, gap="medium")
    for column, what, title in zip(columns, intervals.WHAT, ("Test error", "Remaining units and MACs"), strict=True):
        with column:
            figure(
                f"{title} by the length of [a, b]",
                partial(intervals.chart, found, what),
                key=f"methods-interval-{what}",
                table=lambda: found.to_csv(index=False).encode(),
            )


def pixels() -> None:
    """The way to the paper's Figure 2, which is a page of its own."""
    shown = [run for run in store.newest_runs() if film.has_film(run) and len(run.layers[0].shape) == 2]
    run = min(shown, key=lambda run: (not run.recorded, run_picker.atypical(run)), default=None)
    st.subheader("Which pixels are kept? (the paper’s Figure 2)")
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.markdown(
            "The SNR of each input pixel of LeNet-500-300 has a page of its own: draw a digit and try it on Pixels.",
            width="content",
        )
        st.page_link(
            "pixels/page.py", label="Pixels", icon=":material/apps:", query_params={"run": run.id} if run else None
        )


def questions() -> None:
    """The way to page Questions."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.markdown("What the paper leaves open has a page of its own, with a figure each.", width="content")
        st.page_link("questions/page.py", label="Questions", icon=":material/quiz:")


def _csv(curves: dict[str, list[tuple[int, float]]]) -> bytes:
    rows = [(name, epoch, value) for name, curve in curves.items() for epoch, value in curve]
    return pd.DataFrame(rows, columns=["run", "epoch", "bound_nats"]).to_csv(index=False).encode()
