"""A search: its configurations as lines through their fields, and held-out error against MACs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.viz import charts, palette
from sbp.viz.frontier import frontier

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FONT = 14
_LOG = 20.0  # numbers that far apart stand on a logarithmic axis


def parallel(rows: pd.DataFrame, fields: list[str], dark: bool = False) -> Figure:
    """A line a configuration through its fields, its MACs and its held-out error, which is its colour.

    Args:
        rows: one a configuration: the fields, `macs`, `error_percent`.
        fields: their names, in the order of the axes.
        dark: for the dark theme.

    >>> rows = pd.DataFrame({"lr": [0.1, 0.01], "macs": [10.0, 20.0], "error_percent": [3.0, 2.0]})
    >>> [axis.label for axis in parallel(rows, ["lr"]).data[0].dimensions]
    ['lr', 'MACs', 'held-out error, %']
    """
    # Importing plotly takes 0.2 s, which a page that is opened without this figure need not wait for.
    import plotly.graph_objects as go

    theme = palette.theme(dark)
    axes = [_axis(name, rows[name]) for name in fields]
    axes += [_axis("MACs", rows["macs"]), _axis("held-out error, %", rows["error_percent"])]
    scale = [[0, theme.kept], [1, theme.pruned]]
    line = {"color": rows["error_percent"], "colorscale": scale}
    figure = go.Figure(go.Parcoords(dimensions=axes, line=line, labelfont={"size": FONT}, tickfont={"size": FONT}))
    figure.update_layout(
        height=380,
        margin={"l": 90, "r": 90, "t": 60, "b": 30},
        font={"color": theme.ink, "size": FONT},
        paper_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _axis(label: str, values: pd.Series) -> dict[str, Any]:
    """A number by its size, anything else by its place among the values that there are."""
    numbers = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not numbers:
        names = sorted(map(str, values.unique()))
        places = [names.index(str(value)) for value in values]
        return {"label": label, "values": places, "tickvals": list(range(len(names))), "ticktext": names}
    low, high = float(values.min()), float(values.max())
    if low <= 0 or high / low < _LOG:
        return {"label": label, "values": values}
    found = [tick for tick in charts.ticks(low, high) if low <= tick <= high]
    at = [math.log10(tick) for tick in found]
    return {"label": label, "values": np.log10(values), "tickvals": at, "ticktext": [f"{tick:g}" for tick in found]}


def cost(rows: pd.DataFrame, best: int | None, dark: bool = False) -> Any:
    """Held-out error against MACs, a point a configuration; a line joins those that no other beats in both.

    Args:
        rows: one a configuration: `trial`, `state`, `macs`, `error_percent`.
        best: the trial that is chosen by held-out error.
        dark: for the dark theme.
    """
    if rows.empty:
        return charts.empty("No configuration has an error yet.", 380)
    theme = palette.theme(dark)
    top = 1.1 * max(float(rows["error_percent"].max()), 0.1)
    least = float(rows.loc[rows["macs"] > 0, "macs"].min()) if rows["macs"].any() else 1.0
    ends = (0.8 * least, 1.2 * max(float(rows["macs"].max()), 2.0))  # a network with nothing left stands at the edge
    x = charts.axis(alt.X, "macs", "MACs per image (log)", ends, log=True, clamp=True, format="~s", grid=False)
    y = charts.y_axis("error_percent", "held-out error, %", top)
    on_it = frontier(rows)
    points = alt.Chart(rows.assign(best=rows["trial"] == best)).mark_point(filled=True, opacity=1)
    drawn = points.encode(
        x=x,
        y=y,
        size=alt.condition("datum.best", alt.value(260), alt.value(70)),
        color=alt.condition("datum.best", alt.value(theme.pruned), alt.value(theme.kept)),
        tooltip=["trial:Q", "state:N", "macs:Q", "error_percent:Q"],
    )
    line = alt.Chart(on_it).mark_line(interpolate="step-after", color=theme.reference).encode(x=x, y=y)
    said = f"On the line: {len(on_it)} of {len(rows)} configurations, which no other beats in both error and MACs."
    return charts.finish(alt.layer(line, drawn), said, 380)
