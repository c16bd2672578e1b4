"""Methods as points of error against MACs: ours with their spread and the line of the best, the paper's, others'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.spec.networks import SPECS
from sbp.viz import charts, label_placement, labels, palette
from sbp.viz.frontier import frontier, macs_axis
from sbp.viz.methods import OTHERS, OURS, PAPER, Entry, describe

PICK = "pick"  # the selection of a point; what it gives is the entry's key
HEIGHT, WIDTH = 420, 1000  # WIDTH: of the plot on a laptop, for the places of the names
# Of ours, beside those that stand against a row of the paper's, and those that stand alone.
NAMED = ("sbp-small", "magnitude", "taylor", "group-norm")
ALONE = 2  # times the least error of ours: a point with a larger error stands alone


def chart(found: Sequence[Entry], network: str, chosen: str = "", dark: bool = False) -> Any:
    """Test error against MACs: the steps of our best, a point an entry, error bars of the mean's 95 % interval; a point
    that is clicked is named by the selection `PICK`."""
    drawn = [entry for entry in found if entry.macs > 0]
    if not drawn:
        return charts.empty("No method has a result on this network yet.", HEIGHT)
    points = pd.DataFrame(
        [
            {
                "key": entry.key,
                "name": entry.label,
                "short": _short(entry),
                "origin": entry.origin,
                "macs": entry.macs,
                "fewer": entry.fewer,
                "error_percent": entry.error,
                "low": entry.error - (entry.half_width or 0),
                "high": entry.error + (entry.half_width or 0),
                "kept": labels.widths_of(network, entry.kept) or "not stated",
                "named": entry.origin != OURS or bool(entry.beside) or entry.key in (*NAMED, chosen),
            }
            for entry in drawn
        ]
    )
    points["named"] |= _alone(points)
    dense = max(SPECS[network].dense_macs(), int(points["macs"].max()))
    floor = max(0.05, 0.8 * float(points["low"].min()))
    top = min(100.0, 1.15 * float(points["high"].max()))
    view = (0.8 * float(points["macs"].min()), dense * 1.6, floor, top)
    x = macs_axis(view[0], dense)
    y = charts.axis(alt.Y, "error_percent", "test error, % (log)", (floor, top), log=True, **_error_marks(floor, top))
    layers = [*_bars(points, x, dark), *_steps(points, x, y, dark), _marks(points, x, y, chosen, dark)]
    layers += _names(points.assign(name=points["short"].where(points["named"], "")), x, y, view, dark)
    return charts.finish(alt.layer(*layers), describe(found, network), HEIGHT)


def _error_marks(floor: float, top: float) -> dict[str, Any]:
    """Errors lie close together, so a short axis names more than every 1, 2 and 5."""
    if top / floor > 12:
        return charts.log_marks(floor, top)
    values = charts.ticks(floor * 0.999, top, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))
    return {"values": values, "labelExpr": "format(datum.value, '~r')", "gridOpacity": 0.4}


def _colours(dark: bool) -> dict[str, str]:
    theme = palette.theme(dark)
    return {OURS: theme.kept, PAPER: theme.ink, OTHERS: theme.reference}


def _bars(points: pd.DataFrame, x: alt.X, dark: bool) -> list[Any]:
    spread = points[points["high"] > points["low"]]
    rules = alt.Chart(spread).mark_rule(color=palette.theme(dark).kept, size=1.5)
    return [] if spread.empty else [rules.encode(x=x, y="low:Q", y2="high:Q", tooltip=alt.value(None))]


def _steps(points: pd.DataFrame, x: alt.X, y: alt.Y, dark: bool) -> list[Any]:
    """The line under which no run of ours lies."""
    own = points[points["origin"] == OURS]
    if len(own) < 2:
        return []
    style: dict[str, Any] = {"color": palette.theme(dark).kept, "opacity": 0.6, "interpolate": "step-after"}
    line = alt.Chart(frontier(own)).mark_line(strokeWidth=1.5, **style)
    return [line.encode(x=x, y=y, tooltip=alt.value(None))]


def _marks(points: pd.DataFrame, x: alt.X, y: alt.Y, chosen: str, dark: bool) -> Any:
    origins, colours = list(_colours(dark)), alt.Scale(domain=list(_colours(dark)), range=list(_colours(dark).values()))
    shapes = alt.Scale(domain=origins, range=["circle", "diamond", "triangle-up"])
    legends = [alt.Legend(orient="top", symbolSize=90), alt.Legend(orient="top", title=None)]
    marks = alt.Chart(points).mark_point(filled=True, opacity=1, cursor="pointer")
    marks = marks.encode(
        x=x,
        y=y,
        color=alt.Color("origin:N", title=None, sort=origins, scale=colours, legend=legends[0]),
        shape=alt.Shape("origin:N", sort=origins, scale=shapes, legend=legends[1]),
        size=alt.condition(alt.datum.key == chosen, alt.value(260), alt.value(110)),
        tooltip=charts.tips(
            ("name:N", "method"),
            ("error_percent:Q", "error, %", ".2f"),
            ("fewer:Q", "MACs reduction", ".2f"),
            ("macs:Q", "MACs", ","),
            ("kept:N", "units kept"),
        ),
    )
    return marks.add_params(alt.selection_point(name=PICK, fields=["key"], on="click", clear="dblclick"))


def _short(entry: Entry) -> str:
    """A name for the plot of a network with several widths, where k = 1 and what the shape says go without saying."""
    if ", k =" not in entry.label:
        return entry.label
    return entry.label.removesuffix(" (paper)").removesuffix(", k = 1")


def _alone(points: pd.DataFrame) -> pd.Series:
    """Those of ours that err most, far above the others: such a point would be asked about."""
    errors = points["error_percent"].where(points["origin"] == OURS)
    return (errors == errors.max()) | (errors >= ALONE * errors.min())


def _names(named: pd.DataFrame, x: alt.X, y: alt.Y, view: tuple[float, ...], dark: bool) -> list[Any]:
    named = named.sort_values("macs", kind="stable")
    steps = frontier(named[named["origin"] == OURS])
    at = label_placement.places(named, view, WIDTH, HEIGHT, [steps])
    named["narrow"] = label_placement.fit(named, view, at, (named["origin"] == OURS).tolist(), HEIGHT)
    rows = named[["macs", "error_percent", "name", "narrow"]].to_dict("records")
    # Names that stand alike around their points share a layer: each layer costs the browser and Python alike.
    alike: dict[tuple[Any, ...], list[Any]] = {}
    for origin, row, place in zip(named["origin"], rows, at, strict=True):
        if place is not None:
            alike.setdefault((_colours(dark)[origin], *place.items()), []).append(row)
    drawn: list[Any] = []
    for (ink, *where), values in alike.items():
        base = alt.Chart(alt.Data(values=values)).encode(x=x, y=y)
        drawn += label_placement.haloed(base, ink, palette.theme(dark).ground, dict(where))
    return drawn
