"""Names beside the points of a figure: where each stands, and which of them are left out where it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

# What the title of the axis of x and a legend take of a figure's height.
AROUND = 90
# The plot on a phone, and the width from which a plot shows all its names, in pixels.
PHONE, WIDE = 300, 500
Box = tuple[float, float, float, float]


def places(marks: pd.DataFrame, view: tuple[float, ...], width: int, height: int) -> list[dict[str, Any]]:
    """Where each name stands: the first place around its point that no point and no name before it takes.

    marks: macs, error_percent and name; view: the ends of both logarithmic axes; width, height: of the plot and of the
    figure. A place is what `mark_text` is given.
    """
    points = _points(marks, view, width, height)
    taken = [_around(point) for point in points]
    places = []
    for point, name in zip(points, marks["name"], strict=True):
        tries = [("center", 0, 16 * n) for n in (-1, 1)] + [("left", 2, 16 * n) for n in (-2, -3, 2, -4)]
        tries += [("left", 9, 0), ("right", -9, 0)]
        boxes = [_box(point, name, *one) for one in tries]
        free = [_is_free(box, taken, width, height) for box in boxes]
        at = free.index(True) if True in free else 0
        taken.append(boxes[at])
        align, dx, dy = tries[at]
        places.append({"align": align, "baseline": "middle", "dx": dx, "dy": dy})
    return places


def fit(
    marks: pd.DataFrame,
    view: tuple[float, ...],
    at: Sequence[dict[str, Any]],
    first: Sequence[bool],
    height: int,
    width: int = PHONE,
) -> list[bool]:
    """Which names, standing where `places` put them, have room on a plot of another width as well.

    first: the names that are tried before the others, which get what these leave.
    """
    points = _points(marks, view, width, height)
    taken, names = [_around(point) for point in points], marks["name"].tolist()
    fits = [False] * len(names)
    for index in sorted(range(len(names)), key=lambda index: not first[index]):
        place = at[index]
        box = _box(points[index], names[index], place["align"], place["dx"], place["dy"])
        fits[index] = _is_free(box, taken, width, height)
        if fits[index]:
            taken.append(box)
    return fits


def haloed(base: alt.Chart, ink: str, ground: str, place: dict[str, Any]) -> list[alt.Chart]:
    """The field `name` beside the points of a chart, over a halo; in a narrow plot only where `narrow` is true."""
    text = alt.condition(f"width < {WIDE} && !datum.narrow", alt.value(""), "name:N")
    style: dict[str, Any] = {"fontSize": 12, "fontWeight": 600, **place}
    halo = base.mark_text(stroke=ground, strokeWidth=4, strokeJoin="round", **style)
    return [halo.encode(text=text), base.mark_text(color=ink, **style).encode(text=text)]


def _points(marks: pd.DataFrame, view: tuple[float, ...], width: int, height: int) -> list[tuple[float, float]]:
    low, high, floor, top = np.log(view)
    across = (np.log(marks["macs"].to_numpy(dtype=float)) - low) / (high - low) * width
    errors = np.log(marks["error_percent"].to_numpy(dtype=float).clip(min=view[2]))
    down = (top - errors) / (top - floor) * (height - AROUND)
    return list(zip(across.tolist(), down.tolist(), strict=True))


def _around(point: tuple[float, float]) -> Box:
    return point[0] - 6, point[1] - 6, point[0] + 6, point[1] + 6


def _box(point: tuple[float, float], name: str, align: str, dx: float, dy: float) -> Box:
    long = 7 * len(name)
    left = point[0] + dx - {"center": long / 2, "left": 0, "right": long}[align]
    return left, point[1] + dy - 8, left + long, point[1] + dy + 8


def _is_free(box: Box, taken: Sequence[Box], width: int, height: int) -> bool:
    within = box[0] > 0 and box[2] < width and box[1] > 0 and box[3] < height - AROUND
    return within and not any(box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken)
