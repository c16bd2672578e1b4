"""The component of page Threshold and cost: a hand on the threshold, with every number following it in the browser.

Every stop's sentence and numbers are made here once; while the hand moves Python is asked for nothing, and it hears
only where the hand came to rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared.assets import bundle, read
from sbp.spec.layout import Group
from sbp.spec.noise import SNR_THRESHOLD
from sbp.viz import labels, palette
from sbp.viz import sweep as sweeps
from sbp.viz import threshold as figures
from sbp.viz.sweep import TRAINING, Sweep

KEY = "threshold"
FOLDER = "threshold/js"

_COMPONENT = st.components.v2.component(
    "threshold",
    html=read(f"{FOLDER}/threshold.html"),
    css=read(f"{FOLDER}/threshold.css"),
    js=bundle(f"{FOLDER}/threshold.js"),
)


def board(t: float, packed: dict[str, Any], on_rest: Callable[[], None]) -> None:
    """Shows the figure with the hand at `t`; st.session_state["threshold"]["t"] is where it came to rest."""
    _COMPONENT(key=KEY, data={**packed, "t": t}, on_t_change=on_rest)


def pack(
    stops: pd.DataFrame,
    layers: Sequence[Group],
    dense: tuple[int, int],
    prior_snr: float,
    sweep: Sweep | None,
    examples: str,
    result: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Everything the browser needs of these stops; dense: MACs and params of the dense network; examples: those that
    the sweep scored, in words; result: of the run, where it has ended with one."""
    macs, params = dense
    errors = stops["error_percent"]
    many, colours = len(layers) > labels.MANY, palette.layer_colours(len(layers))
    ends = {0: "first layer", len(layers) - 1: "last layer"}  # all that is named of many
    lines = [
        {
            "name": ends.get(i, "") if many else labels.layer_title(layer),
            "colour": colours[i],
            "width": 1.5 if many else 2,
            "dash": [] if many or palette.layer_dash(i) == (1, 0) else list(palette.layer_dash(i)),
            "percent": [round(100 * kept[i] / layer.units, 3) for kept in stops["kept"]],
        }
        for i, layer in enumerate(layers)
    ]
    left = [round(100 * left / macs, 3) for left in stops["macs"]]
    lines.append({"name": figures.MACS, "colour": "", "width": 3.5, "dash": [], "percent": left})
    return {
        "thresholds": stops["threshold"].tolist(),
        "says": [figures.number(t) for t in stops["threshold"]],
        "error": errors.tolist() if sweep else None,
        "errorTitle": f"Error, % of {examples} (log)",
        "floor": figures.error_floor(errors) if sweep else None,
        "lines": lines,
        "prior": prior_snr,
        "headlines": [
            figures.headline(layers, stop, macs, figures.error_at(stop, sweep, result)) for stop in stops.itertuples()
        ],
        "readouts": [_readout(stop, layers, macs, params, sweep, result) for stop in stops.itertuples()],
        "layers": len(layers),
        "many": many,
        "marks": _marks(stops, sweep),
        "alt": "Error, units kept and MACs along the threshold on the SNR.",
        "light": {"pruned": "#A94A00", **_colours(palette.LIGHT)},
        "dark": {"pruned": palette.DARK.pruned, **_colours(palette.DARK)},
    }


def _colours(theme: palette.Theme) -> dict[str, str]:
    return {"reference": theme.reference, "ink": theme.ink}


def _readout(
    stop: Any, layers: Sequence[Group], macs: int, params: int, sweep: Sweep | None, result: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"name": labels.layer_title(layer), "value": labels.count_of(kept, layer), "percent": 100 * kept / layer.units}
        for layer, kept in zip(layers, stop.kept, strict=True)
    ]
    times = f"{figures.fewer(macs, stop.macs)}× fewer" if stop.macs else "the constant predictor"
    times = "no reduction" if stop.macs == macs else times
    rows.append({"name": "MACs", "value": f"{stop.macs:,}", "note": f"of {macs:,}: {times}"})
    share = 100 * stop.params / params
    rows.append({"name": "Params", "value": f"{stop.params:,}", "note": f"of {params:,}: {share:.1f} % remain"})
    if sweep is not None and sweep.kind == TRAINING:
        tested = figures.tested_at(stop, result)
        note = f"n = {tested.n:,}, read once" if tested else "not measured at this threshold"
        rows.append({"name": "Test error", "value": f"{tested.percent:.2f} %" if tested else "–", "note": note})
    if sweep is not None:
        wrong = f"{round(stop.error_percent * sweep.n / 100):,} of {sweep.n:,} wrong"
        note = f"{wrong}; NLL {stop.nll:.4f} nats"
        name = labels.error_kind(sweep.kind).capitalize()
        rows.append({"name": name, "value": f"{stop.error_percent:.2f} %", "note": note})
    return rows


def _marks(stops: pd.DataFrame, sweep: Sweep | None) -> list[dict[str, Any]]:
    """Thresholds worth a button; none is chosen by the error on training images."""
    one = sweeps.nearest(stops, SNR_THRESHOLD)
    found = sweeps.cheapest(stops) if sweep is not None and sweep.kind != TRAINING else None
    help = "A unit below it looks like the prior: it has learned nothing."
    marks = [{"index": one, "text": "SNR ≥ 1, as in the paper", "help": help}]
    if found is not None:
        text = f"SNR ≥ {figures.number(stops['threshold'][found])}, the cheapest within 0.1 points"
        help = (
            "The fewest MACs whose error is at most 0.1 points above that at SNR ≥ 1. Chosen on these same examples, "
            "so slightly optimistic."
        )
        marks.append({"index": found, "text": text, "help": help})
    return marks
