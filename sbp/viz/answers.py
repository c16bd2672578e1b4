"""The figure of a question's answer: points, lines, bars or a map of pixels, told apart by colour, shape and dash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.viz import charts, palette

HEIGHT, PICTURE, LEGEND = 300, 336, 24  # px: of a figure, of a map's side (12 a pixel of 28), of a legend's row
LONG = 20  # characters of a name, two of which fit beside each other on a phone


def chart(
    lines: Sequence[Mapping[str, Any]],
    mark: str,
    x: str,
    y: str,
    of: str,
    description: str,
    log: str = "",
    dark: bool = False,
) -> Any:
    """What `sbp.experiments.questions.question.Figure` says, of these lines; its columns' names are the axes' titles.

    Args:
        lines: a mapping a mark.
        mark: points, lines, bars, or map, on which `of` is a number that is drawn as a shade.
        x: the column along the horizontal axis.
        y: along the vertical one.
        of: the column that tells marks apart.
        description: what the figure says, for those who do not see it.
        log: the logarithmic axes, of "xy".
        dark: the theme.
    """
    data = pd.DataFrame(list(lines))
    tips = [alt.Tooltip(field=name, type=_kind(data[name])) for name in dict.fromkeys((of, x, y))]
    if mark == "map":
        return charts.finish(_map(data, x, y, of, tips, dark), description, PICTURE).properties(width=PICTURE)
    names = list(dict.fromkeys(data[of]))
    count = range(len(names))
    style = charts.told_apart(of, names, palette.layer_colours(len(names)), [palette.layer_dash(i) for i in count])
    columns = 1 if max(map(len, names)) > LONG else 2
    height = HEIGHT + LEGEND * math.ceil(len(names) / columns)
    style["color"] = style["color"].legend(orient="top", columns=columns, labelLimit=420)
    axes = {"x": _axis(alt.X, x, data[x], "x" in log), "y": _axis(alt.Y, y, data[y], "y" in log)}
    base = alt.Chart(data).encode(**axes, color=style["color"], tooltip=tips)
    shape = alt.Shape(field=of, type="nominal", sort=names, legend=None)
    if mark == "bars":
        return charts.finish(base.mark_bar().encode(xOffset=alt.XOffset(field=of, sort=names)), description, height)
    if mark == "points":
        size = 90 if len(data) < 50 else 28
        return charts.finish(base.mark_point(size=size, filled=len(data) < 50).encode(shape=shape), description, height)
    drawn = [base.mark_line(strokeWidth=2).encode(strokeDash=style["strokeDash"])]
    if len(data) < 50:
        drawn.append(base.mark_point(size=60, filled=True, opacity=1).encode(shape=shape))
    return charts.finish(alt.layer(*drawn), description, height)


def _map(data: pd.DataFrame, x: str, y: str, of: str, tips: list[alt.Tooltip], dark: bool) -> alt.Chart:
    colours = palette.theme(dark)
    shade = alt.Scale(domain=[0, int(data[of].max())], range=[colours.ground, colours.kept], interpolate="rgb")
    axis = {name: alt.Axis(labels=False, ticks=False, title=None) for name in "xy"}
    return (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=alt.X(field=x, type="ordinal", axis=axis["x"]),
            y=alt.Y(field=y, type="ordinal", axis=axis["y"]),
            color=alt.Color(field=of, type="quantitative", scale=shade),
            tooltip=tips,
        )
    )


def _axis(channel: Any, field: str, values: pd.Series, log: bool) -> Any:
    """An axis of numbers, or of names in the order in which they come, with room for what they say."""
    if _kind(values) == "nominal":
        parts = "split(replace(datum.label, '-', '-, '), ', ')"  # "LeNet-", "500-300": four fit on a phone
        lines = alt.Axis(labelAngle=0, title=None, labelExpr=parts)
        return channel(field=field, type="nominal", sort=list(dict.fromkeys(values)), axis=lines)
    if log:
        low, high = 0.8 * float(values.min()), 1.25 * float(values.max())
        scale, axis = alt.Scale(type="log", domain=[low, high], nice=False), alt.Axis(**charts.log_marks(low, high))
    else:
        scale, axis = alt.Scale(zero=False, nice=True), alt.Axis(gridOpacity=0.4, tickCount=6)
    return channel(field=field, type="quantitative", scale=scale, axis=axis)


def _kind(values: pd.Series) -> Any:
    return "quantitative" if pd.api.types.is_numeric_dtype(values) else "nominal"
