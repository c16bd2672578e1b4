"""The density of one unit's noise through the epochs, each row over the prior, in log theta or in theta."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.distributions import moments
from sbp.pruning.masks import is_kept
from sbp.viz import charts, palette
from sbp.viz import labels as words
from sbp.viz.tables import RunTables

ROWS = 8
HEIGHT = 380
SPACES = ("log theta", "theta")
_TALL = 0.86  # of a row is what its peak takes
_VISIBLE = 0.01  # of its peak: where a density is no longer seen
_FLOOR = 0.02  # of [0, e^b]: left of it the density of theta may be cut off, since the prior's goes to infinity there


def rows_of(upto: int, count: int = ROWS) -> np.ndarray:
    """Rows 0..upto, at most `count` of them, spaced in the logarithm: most of what happens to a unit happens early.

    >>> rows_of(30).tolist()
    [0, 1, 2, 3, 6, 11, 18, 30]
    """
    return np.unique(np.geomspace(1, upto + 1, min(count, upto + 1)).round().astype(int) - 1)


def chart(
    tables: RunTables,
    name: str,
    unit: int,
    epoch: float | None,
    low: float,
    high: float,
    space: str = "log theta",
    dark: bool = False,
) -> Any:
    """A row per epoch, newest below, each scaled to its own peak; dashed, at the same scale, the prior.

    low, high: a and b. The axis is that of the unit's whole life, so that it stays while the clock moves. Blue rows are
    kept (SNR 1 or more), orange ones pruned.
    """
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", HEIGHT)
    rows = rows_of(tables.index(epoch))
    start = _start(tables, layer.name, unit, low, high) if space == "log theta" else 0.0
    end = high if space == "log theta" else float(np.exp(high))
    each = [_row(tables, layer.name, unit, int(row), (low, high), (start, end), space) for row in rows]
    data = pd.concat(
        [row.assign(**_place(row, at + 1.0)).drop(columns="peak") for at, row in enumerate(each)], ignore_index=True
    )
    labels = [f"{_short(tables, row)} · SNR {float(tables.snr[layer.name][row, unit]):.3g}" for row in rows]
    title = "log theta, nats" if space == "log theta" else "theta"
    x = charts.axis(alt.X, "x", title, (start, end), grid=False, tickCount=6)
    marks: dict[str, Any] = {"values": list(range(1, len(rows) + 1)), "ticks": False, "domain": False}
    marks |= {"labelExpr": f"{labels}[datum.value - 1]", "labelLimit": 130, "labelBaseline": "bottom"}
    marks |= {"labelOverlap": False, "grid": True, "gridOpacity": 0.4}
    y = charts.axis(alt.Y, "top", "epoch", (len(rows), 0), **marks)
    colour, grey = charts.fate("state", dark, None), palette.theme(dark).reference
    per = "per nat" if space == "log theta" else "per unit of theta"
    tips = charts.tips(
        "epoch:Q",
        ("x:Q", space, ".3~g"),
        ("density:Q", f"density, {per}", ".3~g"),
        ("prior_density:Q", "prior", ".3~g"),
    )
    base = alt.Chart(data).encode(x=x, y=y, detail="epoch:N", tooltip=tips)
    areas = base.mark_area(opacity=0.45, clip=True, interpolate="linear").encode(y2="foot:Q", color=colour)
    edges = base.mark_line(strokeWidth=1.5, clip=True).encode(color=colour)
    prior = base.mark_line(color=grey, strokeDash=[4, 3], strokeWidth=1.25, clip=True).encode(y="prior:Q")
    words = {"x": start + 0.02 * (end - start), "top": 0.05, "text": "dashed: the prior"}
    named = alt.Chart(alt.Data(values=[words])).mark_text(align="left", baseline="top", fontSize=11, color=grey)
    named = named.encode(x="x:Q", y="top:Q", text="text:N")
    return charts.finish(alt.layer(areas, edges, prior, named), describe(tables, name, unit, epoch, low, high), HEIGHT)


def _short(tables: RunTables, row: int) -> str:
    """A row's moment as its axis says it: an epoch's number, or "step 40"."""
    return tables.when(tables.epochs[row]).removeprefix("epoch ")


def _place(row: pd.DataFrame, foot: float) -> dict[str, Any]:
    """Where a row is drawn: from its foot up, its own peak and the prior at one scale."""
    top, prior = (foot - _TALL * np.minimum(row[name] / row["peak"], 1.0) for name in ("density", "prior_density"))
    return {"foot": foot, "top": top, "prior": prior}


def describe(tables: RunTables, name: str, unit: int, epoch: float | None, low: float, high: float) -> str:
    """The rows in a sentence: how wide log theta is at initialisation and now, beside the prior."""
    layer, row = tables.layer(name), tables.index(epoch)
    if not len(tables.epochs):
        return "No epoch has ended yet, so the noise has no history."
    first, now = (spread(tables, layer.name, unit, at, low, high)[1] for at in (0, row))
    snr = float(tables.snr[layer.name][row, unit])
    verdict = "kept" if is_kept(snr) else "pruned: it is little more informative than the prior"
    return (
        f"The standard deviation of log theta of {layer.kind} {unit} of {words.layer_title(layer)} was {first:.2g} "
        f"nats at {tables.when(tables.epochs[0])} and is {now:.2g} at {tables.when(tables.epochs[row])} "
        f"(the prior's is {(high - low) / np.sqrt(12):.2g}); its SNR is {snr:.3g}, so it is {verdict}. "
        "Each row is scaled to its own peak; blue rows are kept, orange ones pruned."
    )


def spread(tables: RunTables, name: str, unit: int, row: int, low: float, high: float) -> tuple[float, float]:
    """Mean and standard deviation of log theta of a unit, in nats."""
    loc, scale = _at(tables, name, unit, row)
    found = moments.peak(loc, scale, np.float64(low), np.float64(high))
    mean = (found.probability * found.s).sum(-1)
    variance = (found.probability * (found.s - mean) ** 2).sum(-1)
    return float(found.mode + mean), float(np.sqrt(variance))


def _at(tables: RunTables, name: str, unit: int, row: int) -> tuple[np.float64, np.float64]:
    scale = np.exp(np.float64(tables.log_scale[name][row, unit]))
    return np.float64(tables.loc[name][row, unit]), np.float64(scale)


def _log_density(x: np.ndarray, loc: np.float64, scale: np.float64, low: float, high: float) -> np.ndarray:
    same = np.ones_like(x)
    return np.asarray(moments.log_density_of_log(x, loc * same, scale * same, low * same, high * same))


def _start(tables: RunTables, name: str, unit: int, low: float, high: float) -> float:
    """Where the axis of log theta begins: left of all that is seen of this unit at any epoch, in whole nats."""
    x = np.linspace(low, high, 400)
    least = high - min(2.0, high - low)
    for row in rows_of(len(tables.epochs) - 1, 40):
        loc, scale = _at(tables, name, unit, int(row))
        z = ((x - loc) ** 2 - (np.clip(loc, low, high) - loc) ** 2) / (2 * scale**2)
        least = min(least, float(x[z < -np.log(_VISIBLE)].min(initial=high)))
    return max(low, float(np.floor(least)))


def _row(
    tables: RunTables, name: str, unit: int, row: int, ends: tuple[float, float], shown: tuple[float, float], space: str
) -> pd.DataFrame:
    """One epoch: the density along the axis `shown`, that of the prior, and the peak of the first."""
    loc, scale = _at(tables, name, unit, row)
    low, high = ends
    mode = float(np.clip(loc, low, high))
    # Beyond its interval the density falls like an exponential of this length; inside it is sigma.
    width = min(float(scale), float(scale**2) / max(abs(mode - float(loc)), 1e-12))
    near = mode + width * np.linspace(-6, 6, 61)
    if space == "log theta":
        x = np.unique(np.concatenate([np.linspace(*shown, 61), np.clip(near, *shown)]))
        density = np.exp(_log_density(x, loc, scale, low, high))
        prior = np.full_like(x, 1 / (high - low))
        peak = float(np.exp(_log_density(np.array([mode]), loc, scale, low, high))[0])
    else:
        x = np.concatenate([np.linspace(*shown, 121), np.exp(np.clip(near, low, high))])
        x = np.unique(np.clip(x, float(np.exp(low)), shown[1]))
        density = np.exp(_log_density(np.clip(np.log(x), low, high), loc, scale, low, high)) / x
        prior = 1 / (x * (high - low))
        peak = float(density[x >= _FLOOR * shown[1]].max())
    state = "kept" if is_kept(tables.snr[name][row, unit]) else "pruned"
    columns = {"x": x, "density": density, "prior_density": prior, "peak": peak, "state": state}
    return pd.DataFrame({"epoch": tables.epochs[row], **columns})
