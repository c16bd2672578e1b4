"""Names beside the points of a figure: where each stands, and which of them are left out where it is narrow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

# What the titles, the ticks of the axis of x and a legend take of a figure's height.
AROUND = 140
# The plot on a phone, and the width from which a plot shows all its names, in pixels.
PHONE, WIDE = 300, 500
NEARER = 0.8  # of the distance to any other point: the most that a name without a line stands from its own
Box = tuple[float, float, float, float]
Point = tuple[float, float]
Place = tuple[str, int, int]  # align, dx, dy

_NEAR: list[Place] = [("center", 0, -16), ("center", 0, 16), ("left", 9, 0), ("right", -9, 0)]
_NEAR += [(align, dx, dy) for dy in (-14, 14) for align, dx in (("left", 5), ("right", -5))]
_FAR: list[Place] = [
    (align, dx, dy)
    for far in (1, 1.5, 2, 3)
    for dy in (round(-28 * far), round(28 * far))
    for align, dx in (("center", 0), ("left", round(12 * far)), ("right", round(-12 * far)))
]
_FAR += [(align, dx, dy) for dx in (30, 60) for dy in (0, -20, 20) for align, dx in (("left", dx), ("right", -dx))]


def places(
    marks: pd.DataFrame, view: tuple[float, ...], width: int, height: int, lines: Sequence[pd.DataFrame] = ()
) -> list[dict[str, Any] | None]:
    """Where each name stands: the first place around its point that no point, no error bar and no name before it takes,
    and that is nearer to this point than to any other; else farther off, at the end of a line; None without room.

    marks: macs, error_percent and name, "" for none, perhaps low and high, the ends of an error bar; view: the ends of
    both logarithmic axes; width, height: of the plot and of the figure; lines: steps of macs and error_percent that
    names avoid where they can. A place is what `mark_text` is given, and whether a line leads to it.
    """
    points = _points(marks, view, width, height)
    taken = [*map(_around, points), *_bars(marks, points, view, width, height)]
    steps = [box for line in lines for box in _steps(_points(line, view, width, height))]
    found: list[dict[str, Any] | None] = []
    for at, name in enumerate(marks["name"]):
        place = name and next(
            (
                (one, far)
                for avoided in ([*taken, *steps], taken)
                for far, tries in ((False, _NEAR), (True, _FAR))
                for one in tries
                if _fits(at, points, name, one, avoided, width, height, far)
            ),
            None,
        )
        if not place:
            found.append(None)
            continue
        (align, dx, dy), led = place
        taken.append(_box(points[at], name, align, dx, dy))
        found.append({"align": align, "dx": dx, "dy": dy, "led": led})
    return found


def fit(
    marks: pd.DataFrame,
    view: tuple[float, ...],
    at: Sequence[dict[str, Any] | None],
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
        if place is None:
            continue
        one = place["align"], place["dx"], place["dy"]
        fits[index] = _fits(index, points, names[index], one, taken, width, height, place["led"])
        if fits[index]:
            taken.append(_box(points[index], names[index], *one))
    return fits


def haloed(base: alt.Chart, ink: str, ground: str, place: dict[str, Any]) -> list[alt.Chart]:
    """The field `name` beside the points of a chart, over a halo, with a line where `places` says so; in a narrow plot
    only where `narrow` is true."""
    hidden = f"width < {WIDE} && !datum.narrow"
    text = alt.condition(hidden, alt.value(""), "name:N")
    led, where = place["led"], {name: value for name, value in place.items() if name != "led"}
    style: dict[str, Any] = {"fontSize": 12, "fontWeight": 600, "baseline": "middle", **where}
    drawn = [base.mark_text(stroke=ground, strokeWidth=4, strokeJoin="round", **style).encode(text=text)]
    if led:
        right, down = _end(place["dx"], place["dy"])
        to: dict[str, Any] = {"x2Offset": right, "y2Offset": down}
        line = base.mark_rule(color=ink, strokeWidth=1, **to)
        shown = alt.condition(hidden, alt.value(0), alt.value(0.7))
        drawn.append(line.encode(x2="macs:Q", y2="error_percent:Q", opacity=shown))
    return [*drawn, base.mark_text(color=ink, **style).encode(text=text)]


def _points(marks: pd.DataFrame, view: tuple[float, ...], width: int, height: int) -> list[Point]:
    low, high = np.log(view[:2])
    across = (np.log(marks["macs"].to_numpy(dtype=float)) - low) / (high - low) * width
    down = _down(marks["error_percent"], view, height)
    return list(zip(across.tolist(), down.tolist(), strict=True))


def _down(errors: pd.Series, view: tuple[float, ...], height: int) -> np.ndarray:
    floor, top = np.log(view[2:])
    logs: np.ndarray = np.log(errors.to_numpy(dtype=float).clip(min=view[2], max=view[3]))
    return (top - logs) / (top - floor) * (height - AROUND)


def _bars(marks: pd.DataFrame, points: Sequence[Point], view: tuple[float, ...], width: int, height: int) -> list[Box]:
    if "high" not in marks:
        return []
    ends = zip(_down(marks["high"], view, height), _down(marks["low"], view, height), strict=True)
    return [(x - 2, high, x + 2, low) for (x, _), (high, low) in zip(points, ends, strict=True)]


def _steps(points: Sequence[Point]) -> list[Box]:
    """A line that goes on at its height until the next point: a thin box a piece."""
    boxes = []
    for (x, y), (to, down) in itertools.pairwise(points):
        boxes += [(x, y - 2, to, y + 2), (to - 2, min(y, down), to + 2, max(y, down))]
    return boxes


def _around(point: Point) -> Box:
    return point[0] - 6, point[1] - 6, point[0] + 6, point[1] + 6


def _box(point: Point, name: str, align: str, dx: float, dy: float) -> Box:
    long = 7 * len(name)
    left = point[0] + dx - {"center": long / 2, "left": 0, "right": long}[align]
    return left, point[1] + dy - 8, left + long, point[1] + dy + 8


def _fits(
    at: int,
    points: Sequence[Point],
    name: str,
    place: Place,
    taken: Sequence[Box],
    width: int,
    height: int,
    led: bool,
) -> bool:
    """Whether a name has this place to itself, and is plainly that of its point: by a line that meets nothing else, or
    since it is nearer to this point than to any other."""
    box = _box(points[at], name, *place)
    if not (box[0] > 0 and box[2] < width and box[1] > 0 and box[3] < height - AROUND):
        return False
    if any(box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken):
        return False
    own = _distance(box, points[at])
    if not led:
        return all(own <= NEARER * _distance(box, other) for i, other in enumerate(points) if i != at)
    (x, y), (right, down) = points[at], _end(*place[1:])
    way = [(x + share * right, y + share * down) for share in (0.2, 0.35, 0.5, 0.65, 0.8, 1)]
    others = [t for t in taken if _distance(t, points[at]) > 0]
    return all(_distance(t, step) > 0 for t in others for step in way)


def _end(dx: int, dy: int) -> Point:
    """Where the line to a name ends, from its point: at the edge of the text."""
    return (dx, dy - math.copysign(8, dy)) if dy else (dx - math.copysign(2, dx), 0)


def _distance(box: Box, point: Point) -> float:
    return math.hypot(max(box[0] - point[0], 0.0, point[0] - box[2]), max(box[1] - point[1], 0.0, point[1] - box[3]))
