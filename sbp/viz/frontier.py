"""Error against MACs: a line a criterion, the threshold each proposes by itself, and the paper's rows beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.reference.paper import PaperRow
from sbp.viz import charts, label_placement, labels, palette
from sbp.viz.sweep import Sweep
from sbp.viz.threshold import error_floor, fewer

HEIGHT = 380
WIDTH = 620  # of the plot on a laptop, for the places of the names
TOP = 20  # times the least error: what is drawn of the axis
PAPER, OURS = "paper", "this run"
# In the order of the criteria; the SNR is the paper's own and stands out.
STYLES = {
    "snr": (palette.KEPT, palette.KEPT_DARK, (1, 0), 3.0),
    "bmrs_n": (palette.PRUNED, palette.PRUNED_DARK, (7, 3), 2.0),
    "bmrs_u": (palette.KL, palette.KL_DARK, (2, 2), 2.0),
    "l1": (palette.DATA, palette.DATA_DARK, (9, 3, 2, 3), 2.0),
    "random": (palette.REFERENCE, palette.REFERENCE_DARK, (4, 4), 1.5),
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
    dark: bool = False,
) -> Any:
    """Frontier of each criterion on held-out examples; the paper's rows and this run's (MACs, error) on test data."""
    lines, marks = _lines(sweep), _marks(sweep, rows, ours)
    if lines.empty and marks.empty:
        return charts.empty("No error of this run has been measured yet.", HEIGHT)
    errors = pd.concat([lines["error_percent"], marks["error_percent"]])
    floor = error_floor(errors)
    top = min(100.0, TOP * floor)
    macs = pd.concat([lines["macs"], marks["macs"]])[errors <= top]
    low = 0.8 * float(macs.min())
    x = alt.X(
        "macs:Q",
        title="MACs per image (log)",
        axis=macs_axis(low, dense),
        scale=alt.Scale(type="log", domain=[low, dense * 1.6], nice=False, clamp=True),
    )
    y = alt.Y(
        "error_percent:Q",
        title="error, % (log)",
        axis=charts.log_axis(floor, top),
        scale=alt.Scale(type="log", domain=[floor, top], nice=False),
    )
    lines, marks = lines[lines["error_percent"] <= top], marks[marks["error_percent"] <= top]
    layers: list[Any] = []
    if not lines.empty:
        layers.append(_drawn_lines(lines, x, y, dark))
    layers += _drawn_marks(marks, x, y, (low, dense * 1.6, floor, top), dense, dark)
    return charts.finish(alt.layer(*layers), describe(sweep, dense, examples, bool(rows)), HEIGHT)


def describe(sweep: Sweep | None, dense: int, examples: str, paper: bool = True) -> str:
    """Where each criterion stands by itself, and what is measured on what; paper: whether its rows are drawn."""
    if sweep is None:
        return "Without a sweep only test errors are known: the paper's rows, and this run's once it has ended."
    said = [
        f"{point.title} at its own threshold: {point.error_percent:.2f} % at {fewer(dense, point.macs)}× fewer MACs"
        if point.macs < dense
        else f"{point.title} prunes nothing here"
        for point in sweep.points[sweep.points["natural"] & (sweep.points["macs"] > 0)].itertuples()
    ]
    tested = ", the paper's diamonds are on its 10,000 test images" if paper else ""
    return "; ".join([*said, f"lines are errors on {examples}{tested}"]) + "."


def comparison(rows: Sequence[PaperRow], ours: dict[str, Any] | None) -> pd.DataFrame:
    """This run's row above the paper's: error, kept units, MACs reduction, and as printed."""
    table = [
        {
            "method": f"{row.method} (paper)",
            "test error, %": row.error_percent,
            "kept": labels.widths_of(row.network, row.kept),
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


def _drawn_lines(lines: pd.DataFrame, x: alt.X, y: alt.Y, dark: bool) -> Any:
    titles = list(dict.fromkeys(lines["title"]))
    styles = [STYLES[criterion] for criterion in dict.fromkeys(lines["criterion"])]
    scale: dict[str, list[Any]] = {
        "color": [style[1] if dark else style[0] for style in styles],
        "dash": [list(style[2]) for style in styles],
        "width": [style[3] for style in styles],
    }
    return (
        alt.Chart(lines)
        .mark_line(clip=True, interpolate="step-after")
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "title:N",
                title=None,
                sort=titles,
                scale=alt.Scale(domain=titles, range=scale["color"]),
                legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3, columns=3),
            ),
            strokeDash=alt.StrokeDash(
                "title:N",
                sort=titles,
                legend=None,
                scale=alt.Scale(domain=titles, range=scale["dash"]),
            ),
            strokeWidth=alt.StrokeWidth(
                "title:N",
                sort=titles,
                legend=None,
                scale=alt.Scale(domain=titles, range=scale["width"]),
            ),
            tooltip=[
                alt.Tooltip("title:N", title="criterion"),
                alt.Tooltip("threshold:Q", format=".3~g"),
                alt.Tooltip("macs:Q", title="MACs", format=","),
                alt.Tooltip("error_percent:Q", title="error, %", format=".2f"),
            ],
        )
    )


def _drawn_marks(marks: pd.DataFrame, x: alt.X, y: alt.Y, view: tuple[float, ...], dense: int, dark: bool) -> list[Any]:
    """Points with their names, which keep out of each other's way."""
    ink, grey = palette.theme(dark).ink, palette.theme(dark).reference
    ground = palette.theme(dark).ground
    drawn: list[Any] = []
    marks = marks.sort_values("macs", kind="stable")
    at = label_placement.places(marks, view, WIDTH, HEIGHT)
    narrow = label_placement.fit(marks, view, at, (marks["kind"] != PAPER).tolist(), HEIGHT)
    for mark, place, fits in zip(marks.itertuples(), at, narrow, strict=True):
        kind = str(mark.kind)
        style = STYLES.get(kind)
        colour = (style[1] if dark else style[0]) if style else (grey if kind == PAPER else ink)
        shape = "circle" if style else ("diamond" if kind == PAPER else "triangle-up")
        data = alt.Data(
            values=[
                {
                    "macs": mark.macs,
                    "error_percent": mark.error_percent,
                    "name": mark.name,
                    "fewer": dense / mark.macs,
                    "narrow": fits,
                }
            ]
        )
        base = alt.Chart(data).encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("name:N"),
                alt.Tooltip("macs:Q", title="MACs", format=","),
                alt.Tooltip("fewer:Q", title="MACs reduction", format=".2f"),
                alt.Tooltip("error_percent:Q", title="error, %", format=".2f"),
            ],
        )
        drawn.append(base.mark_point(filled=True, size=100, shape=shape, color=colour, opacity=1))
        halo = base.mark_text(stroke=ground, strokeWidth=4, strokeJoin="round", fontSize=12, fontWeight=600, **place)
        drawn.append(halo.encode(text=label_placement.text()))
        drawn.append(
            base.mark_text(color=colour, fontSize=12, fontWeight=600, **place).encode(text=label_placement.text())
        )
    return drawn


def macs_axis(low: float, dense: int) -> alt.Axis:
    """The axis of MACs from `low` to the dense network's, every 1, 2 and 5 of a power of ten named."""
    values = [m * 10.0**power for power in range(10) for m in (1, 2, 5) if low <= m * 10.0**power <= dense * 1.6]
    return alt.Axis(values=values, format="~s", labelOverlap=False, gridOpacity=0.4)
