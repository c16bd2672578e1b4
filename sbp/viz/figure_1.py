"""The bounds of several trainings on one pair of axes: the paper's Figure 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.viz import charts, palette


def chart(curves: Mapping[str, Sequence[tuple[int, float]]], dark: bool = False) -> Any:
    """N·NLL + KL by epoch, a line for each name, on a logarithmic axis; the lower, the better the bound."""
    data = pd.DataFrame(
        [{"of": name, "epoch": epoch, "bound": value} for name, curve in curves.items() for epoch, value in curve]
    )
    if data.empty:
        return charts.empty("No run has finished.")
    colours, dashes = (palette.theme(dark).kept, palette.theme(dark).reference), ((1, 0), (6, 3))
    lines = alt.Chart(data).mark_line(strokeWidth=2.25)
    lines = lines.encode(
        x=charts.epoch_axis(float(data["epoch"].min()), float(data["epoch"].max())),
        y=alt.Y("bound:Q", title="N·NLL + KL, nats", scale=alt.Scale(type="log", nice=True)),
        **charts.told_apart("of", list(curves), colours, dashes, symbolStrokeWidth=3, labelLimit=300),
        tooltip=charts.tips("of:N", "epoch:Q", ("bound:Q", "", ",.0f")),
    )
    return charts.finish(lines, describe(curves))


def describe(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Where each curve ends, in a sentence.

    >>> describe({"mu fixed": [(1, 900.0), (2, 800.4)], "mu trained": [(1, 850.0), (2, 700.0)]})
    'N·NLL + KL at the last epoch: mu fixed 800 nats, mu trained 700 nats.'
    """
    ends = [f"{name} {curve[-1][1]:,.0f} nats" for name, curve in curves.items() if curve]
    return f"N·NLL + KL at the last epoch: {', '.join(ends)}."
