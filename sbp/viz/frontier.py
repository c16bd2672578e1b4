"""Error against MACs: a line a criterion, the threshold each proposes by itself, and the paper's rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.reference.paper import PaperRow
from sbp.viz import charts, label_placement, labels, palette
from sbp.viz.sweep import TRAINING, Sweep
from sbp.viz.threshold import error_floor, fewer, number

HEIGHT = 380
WIDTH = 620  # of the plot on a laptop, for the places of the names
TOP = 20  # times the least error: what is drawn of the axis
PAPER, OURS = "paper", "this run"
# In the order of the criteria; the SNR is the paper's own and stands out.
STYLES = {  # colour of the theme, dash, width
    "snr": ("kept", (1, 0), 3.0),
    "bmrs_n": ("pruned", (7, 3), 2.0),
    "bmrs_u": ("kl", (2, 2), 2.0),
    "l1": ("data", (9, 3, 2, 3), 2.0),
    "random": ("reference", (4, 4), 1.5),
}


def frontier(points: pd.DataFrame) -> pd.DataFrame:
    """The points of one criterion on which no other is both cheaper and better, by rising MACs.

    >>> points = pd.DataFrame({"macs": [10, 20, 30], "error_percent": [5.0, 6.0, 2.0]})
    >>> frontier(points)["macs"].tolist()
    [10, 30]
    """
    rising = points[points["macs"] > 0].sort_values(["macs", "error_percent"])
    before = rising["error_percent"].cummin().shift(fill_value=float("inf"))
    return rising[rising["error_percent"] < before]


def chart(
    sweep: Sweep | None,
    rows: Sequence[PaperRow],
    dense: int,
    ours: tuple[int, float] | None,
    examples: str,
    stop: Any = None,
    dark: bool = False,
) -> Any:
    """Frontier of each criterion on held-out images; the paper's rows and this run's (MACs, error) on test images.

    Where the sweep has training images alone, no test error is drawn beside them. stop: the threshold on the SNR that
    is chosen, which a ring marks.
    """
    if sweep is not None and sweep.kind == TRAINING:
        rows, ours = (), None
    lines, marks = _lines(sweep), _marks(sweep, rows, ours)
    if lines.empty and marks.empty:
        return charts.empty("No error of this run has been measured yet.", HEIGHT)
    errors = pd.concat([lines["error_percent"], marks["error_percent"]])
    floor = error_floor(errors)
    top = min(100.0, TOP * floor)
    macs = pd.concat([lines["macs"], marks["macs"]])[errors <= top]
    low = 0.8 * float(macs.min())
    x = macs_axis(low, dense)
    kind = f"{sweep.kind} error" if sweep is not None and not (rows or ours) else "error"
    y = charts.log_y_axis("error_percent", f"{kind}, % (log)", floor, top)
    lines, marks = lines[lines["error_percent"] <= top], marks[marks["error_percent"] <= top]
    layers: list[Any] = []
    if not lines.empty:
        layers.append(_drawn_lines(lines, x, y, dark))
    if sweep is not None and stop is not None and stop["macs"] and stop["error_percent"] <= top:
        layers.append(_ring(stop, x, y, dark))
    steps = [line for _, line in lines.groupby("criterion")]
    layers += _drawn_marks(marks, x, y, (low, dense * 1.6, floor, top), dense, steps, dark)
    return charts.finish(alt.layer(*layers), describe(sweep, dense, examples, bool(rows), stop), HEIGHT)


def describe(sweep: Sweep | None, dense: int, examples: str, paper: bool = True, stop: Any = None) -> str:
    """Where each criterion stands by itself and the SNR at the chosen stop, and what is measured on what; paper:
    whether its rows are drawn."""
    if sweep is None:
        return "Without a sweep only test errors are known: the paper's rows, and this run's once it has ended."
    said = [
        f"{point.title} at its own threshold: {point.error_percent:.2f} % at {fewer(dense, point.macs)}× fewer MACs"
        if point.macs < dense
        else f"{point.title} prunes nothing here"
        for point in sweep.points[sweep.points["natural"] & (sweep.points["macs"] > 0)].itertuples()
    ]
    tested = ", the paper's diamonds are on its 10,000 test images" if paper else ""
    if sweep.kind == TRAINING:
        tested = ", which no test error can be compared with"
    if stop is not None and stop["macs"]:
        at = f"{stop['error_percent']:.2f} % at {fewer(dense, stop['macs'])}× fewer MACs"
        said.insert(0, f"Ring: SNR ≥ {number(stop['threshold'])}, {at}")
    return "; ".join([*said, f"lines are errors on {examples}{tested}"]) + "."


def comparison(rows: Sequence[PaperRow], ours: dict[str, Any] | None) -> pd.DataFrame:
    """This run's row above the paper's: error, kept units, kMACs, MACs reduction, and as printed."""
    table = [
        {
            "method": f"{row.method} (paper)",
            "test error, %": row.error_percent,
            "kept": labels.widths_of(row.network, row.kept),
            "kMACs": labels.kilo_macs(row.macs),
            "MACs reduction": row.fewer,
            "as printed": f"{row.flops:.2f}×",
        }
        for row in rows
    ]
    return pd.DataFrame([ours, *table] if ours else table).round({"MACs reduction": 2, "test error, %": 2})


def _lines(sweep: Sweep | None) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["macs", "error_percent", "threshold", "title", "criterion"])
    if sweep is None:
        return empty
    parts = [frontier(sweep.of(name)) for name in STYLES if (sweep.points["criterion"] == name).any()]
    return pd.concat(parts, ignore_index=True).drop(columns=["kept"]) if parts else empty


def _marks(sweep: Sweep | None, rows: Sequence[PaperRow], ours: tuple[int, float] | None) -> pd.DataFrame:
    found = [(row.macs, row.error_percent, PAPER, row.method) for row in rows]
    if ours and ours[0]:
        found.append((*ours, OURS, "this run, test"))
    if sweep is not None:
        own = sweep.points[sweep.points["natural"] & (sweep.points["macs"] > 0)]
        found += [(p.macs, p.error_percent, p.criterion, f"{p.title} ≥ {p.threshold:g}") for p in own.itertuples()]
    return pd.DataFrame(found, columns=["macs", "error_percent", "kind", "name"])


def _ring(stop: Any, x: alt.X, y: alt.Y, dark: bool) -> Any:
    """The chosen threshold, as a ring that leaves what is under it to be seen."""
    at = alt.Chart(alt.Data(values=[{name: float(stop[name]) for name in ("macs", "error_percent")}]))
    ring = at.mark_point(filled=False, size=260, strokeWidth=2.5, color=palette.theme(dark).ink, opacity=1)
    return ring.encode(x=x, y=y, tooltip=alt.value(None))


def _drawn_lines(lines: pd.DataFrame, x: alt.X, y: alt.Y, dark: bool) -> Any:
    titles, theme = list(dict.fromkeys(lines["title"])), palette.theme(dark)
    colours, dashes, widths = zip(*(STYLES[name] for name in dict.fromkeys(lines["criterion"])), strict=True)
    legend: dict[str, Any] = {"symbolType": "stroke", "symbolStrokeWidth": 3, "columns": 3}
    width = alt.Scale(domain=titles, range=list(widths))
    drawn = alt.Chart(lines).mark_line(clip=True, interpolate="step-after")
    return drawn.encode(
        x=x,
        y=y,
        **charts.told_apart("title", titles, [getattr(theme, colour) for colour in colours], dashes, **legend),
        strokeWidth=alt.StrokeWidth("title:N", sort=titles, legend=None, scale=width),
        tooltip=charts.tips(
            ("title:N", "criterion"),
            ("threshold:Q", "", ".3~g"),
            ("macs:Q", "MACs", ","),
            ("error_percent:Q", "error, %", ".2f"),
        ),
    )


def _drawn_marks(
    marks: pd.DataFrame,
    x: alt.X,
    y: alt.Y,
    view: tuple[float, ...],
    dense: int,
    steps: list[pd.DataFrame],
    dark: bool,
) -> list[Any]:
    """Points with their names, which keep out of each other's way."""
    theme = palette.theme(dark)
    drawn: list[Any] = []
    marks = marks.sort_values("macs", kind="stable").assign(fewer=lambda table: dense / table["macs"])
    at = label_placement.places(marks, view, WIDTH, HEIGHT, steps)
    marks["narrow"] = label_placement.fit(marks, view, at, (marks["kind"] != PAPER).tolist(), HEIGHT)
    tips = charts.tips(
        "name:N", ("macs:Q", "MACs", ","), ("fewer:Q", "MACs reduction", ".2f"), ("error_percent:Q", "error, %", ".2f")
    )
    for (kind, row), place in zip(marks.set_index("kind").iterrows(), at, strict=True):
        shape, colour = {PAPER: ("diamond", theme.reference), OURS: ("triangle-up", theme.ink)}.get(
            str(kind), ("circle", "")
        )
        colour = colour or getattr(theme, STYLES[str(kind)][0])
        base = alt.Chart(alt.Data(values=[row.to_dict()])).encode(x=x, y=y, tooltip=tips)
        drawn.append(base.mark_point(filled=True, size=100, shape=shape, color=colour, opacity=1))
        if place is not None:
            drawn += label_placement.haloed(base, colour, theme.ground, place)
    return drawn


def macs_axis(low: float, dense: int) -> alt.X:
    """MACs from `low` to a little more than the dense network's, logarithmic, with 1, 2 and 5 of each power of ten."""
    values = charts.ticks(low, dense * 1.6)
    marks = {"values": values, "format": "~s", "labelOverlap": False, "gridOpacity": 0.4}
    return charts.axis(alt.X, "macs", "MACs per image (log)", (low, dense * 1.6), log=True, clamp=True, **marks)
