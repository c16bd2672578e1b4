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
    colours, dashes = (palette.theme(dark).kept, palette.theme(dark).ink), ((1, 0), (6, 3))
    # The first is a wide band under the others: where curves coincide, both are to be seen.
    widths = alt.Scale(domain=list(curves), range=[6.0, *[1.75] * (len(curves) - 1)])
    lines = alt.Chart(data).mark_line(opacity=0.8)
    lines = lines.encode(
        x=charts.epoch_axis(float(data["epoch"].min()), float(data["epoch"].max())),
        y=alt.Y("bound:Q", title="N·NLL + KL, nats", scale=alt.Scale(type="log", nice=True)),
        **charts.told_apart("of", list(curves), colours, dashes, symbolStrokeWidth=3, labelLimit=300, columns=1),
        strokeWidth=alt.StrokeWidth("of:N", legend=None, sort=list(curves), scale=widths),
        tooltip=charts.tips("of:N", "epoch:Q", ("bound:Q", "", ",.0f")),
    )
    return charts.finish(lines, describe(curves))


def describe(curves: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Where each curve ends, and how far the first two are apart, in a sentence.

    >>> describe({"mu fixed": [(1, 900.0), (2, 800.4)], "mu trained": [(1, 850.0), (2, 700.0)]})
    'N·NLL + KL at the last epoch: mu fixed 800 nats, mu trained 700 nats; at most 14 % apart at any epoch.'
    """
    ends = [f"{name} {curve[-1][1]:,.0f} nats" for name, curve in curves.items() if curve]
    apart = (
        [abs(a / b - 1) for (_, a), (_, b) in zip(*list(curves.values())[:2], strict=False)] if len(ends) > 1 else []
    )
    far = f"; at most {100 * max(apart):.0f} % apart at any epoch" if apart else ""
    return f"N·NLL + KL at the last epoch: {', '.join(ends)}{far}."
