"""The (mu, log sigma) map with the SNR as its ground, and one unit's path over it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.distributions import moments
from sbp.viz import charts, labels, palette
from sbp.viz.pixels import data_uri
from sbp.viz.tables import ALIVE, RunTables
from sbp.viz.trajectories import thin

HEIGHT = 380
LEVELS = (1.0, 3.0, 10.0, 30.0, 100.0)
_GRID = (96, 120)  # rows of log sigma, columns of mu
_ROWS = 160  # points of the path at most


def chart(
    tables: RunTables, name: str, unit: int, epoch: float | None, low: float, high: float, dark: bool = False
) -> Any:
    """The path of a unit from initialisation to its last epoch: solid up to the epoch shown, faint after it.

    low, high: a and b. The axes hold every unit of the layer at every epoch, so they are the same for all of them.
    """
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", HEIGHT)
    mu, log_sigma = extents(tables, layer.name)
    x = charts.axis(alt.X, "mu", "mu, nats", mu, grid=False, tickCount=6)
    y = charts.axis(alt.Y, "log_sigma", "log sigma", log_sigma, grid=False, tickMinStep=1)
    grid = snr_grid(mu, log_sigma, low, high)
    url = data_uri(palette.snr_rgb(grid[::-1], dark))
    corners = {"mu": mu[0], "mu2": mu[1], "log_sigma": log_sigma[0], "top": log_sigma[1]}
    picture = alt.Chart(pd.DataFrame([{"url": url, **corners}])).mark_image(aspect=False, smooth=True, clip=True)
    picture = picture.encode(x=x, x2="mu2:Q", y=y, y2="top:Q", url="url:N", tooltip=alt.value(None))
    layers = [picture, *_contours(grid, mu, log_sigma, x, y, dark), *_path(tables, layer.name, unit, epoch, x, y, dark)]
    return charts.finish(alt.layer(*layers), describe(tables, name, unit, epoch), HEIGHT)


def describe(tables: RunTables, name: str, unit: int, epoch: float | None) -> str:
    """The path in a sentence: from where, where now, and whether it stays above SNR = 1."""
    layer, row = tables.layer(name), tables.index(epoch)
    if not len(tables.epochs):
        return "No epoch has ended yet, so there is no path."
    loc, log_scale = (values[layer.name][:, unit] for values in (tables.loc, tables.log_scale))
    at = [f"(mu {labels.signed(loc[r], '.2f')}, log sigma {labels.signed(log_scale[r], '.2f')})" for r in (0, row)]
    death = int(tables.death[layer.name][unit])
    fate = "stays above SNR = 1" if death == ALIVE else f"stays below SNR = 1 from epoch {death} on"
    return (
        f"{layer.kind.capitalize()} {unit} of {labels.layer_title(layer)} starts at {at[0]}, is at {at[1]} "
        f"at {tables.when(tables.epochs[row])}, and {fate}."
    )


def extents(tables: RunTables, name: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of mu and of log sigma that hold all units of a layer through the whole run, with SNR = 1 in sight."""
    loc, log_scale = tables.loc[name], tables.log_scale[name]
    mu = min(float(np.floor(2 * loc.min() - 0.2) / 2), -1.0), max(float(np.ceil(2 * loc.max() + 0.2) / 2), 0.5)
    return mu, (min(float(np.floor(log_scale.min() - 0.4)), -5.0), max(float(np.ceil(log_scale.max() + 0.4)), 3.0))


@lru_cache(maxsize=16)
def snr_grid(mu: tuple[float, float], log_sigma: tuple[float, float], low: float, high: float) -> np.ndarray:
    """SNR on an even grid, [rows of log sigma from below, columns of mu], cell centres."""
    rows, columns = _GRID
    x, y = centres(*mu, columns), centres(*log_sigma, rows)
    loc, log_scale = np.meshgrid(x, y)
    return np.asarray(moments.snr(loc, log_scale, low, high))


def contour(grid: np.ndarray, mu: tuple[float, float], log_sigma: tuple[float, float], level: float) -> np.ndarray:
    """Points (mu, log sigma) of a level, [n, 2]: in each column, where the SNR first falls below it from below up.

    At a small sigma the SNR is above every level, and it falls from there; where it rises again, towards the prior's
    own, it stays below 1 unless the interval is shorter than 3.83.
    """
    x, y = centres(*mu, grid.shape[1]), centres(*log_sigma, grid.shape[0])
    values = np.log(grid / level)
    falls = (values[:-1] >= 0) & (values[1:] < 0)
    columns = np.flatnonzero(falls.any(axis=0))
    row = falls.argmax(axis=0)[columns]
    above, below = values[row, columns], values[row + 1, columns]
    return np.stack([x[columns], y[row] + above / (above - below) * (y[row + 1] - y[row])], axis=1)


def centres(first: float, last: float, count: int) -> np.ndarray:
    """Centres of `count` equal cells from `first` to `last`.

    >>> centres(0.0, 1.0, 2).tolist()
    [0.25, 0.75]
    """
    step = (last - first) / count
    return first + step * (np.arange(count) + 0.5)


def _contours(
    grid: np.ndarray, mu: tuple[float, float], log_sigma: tuple[float, float], x: alt.X, y: alt.Y, dark: bool
) -> list[Any]:
    layers: list[Any] = []
    for level in LEVELS:
        points = contour(grid, mu, log_sigma, level)
        if len(points) < 2:
            continue
        data = pd.DataFrame(points, columns=["mu", "log_sigma"])
        one = level == 1
        # On the dark side of the ground the lines are light, and the other way round.
        ink = palette.DARK.ground if (level < 10) != dark else palette.DARK.ink
        colour = palette.theme(dark).pruned if one else ink
        width, opacity = (2, 1) if one else (0.75, 0.6)
        line = alt.Chart(data).mark_line(color=colour, strokeWidth=width, opacity=opacity, clip=True)
        layers.append(line.encode(x=x, y=y, order="mu:Q", tooltip=alt.value(None)))
        name = alt.Chart(data.iloc[[1]]).mark_text(
            align="left",
            baseline="bottom",
            dx=2,
            dy=-18 if one else -4,  # above its line, which climbs on along it
            fontSize=11,
            color=colour,
            fontWeight="bold" if one else "normal",
            text="SNR = 1: pruned above" if one else f"{level:g}",
        )
        layers.append(name.encode(x=x, y=y))
    return layers


def _path(tables: RunTables, name: str, unit: int, epoch: float | None, x: alt.X, y: alt.Y, dark: bool) -> list[Any]:
    now = tables.index(epoch)
    last = len(tables.epochs) - 1
    rows = np.unique(np.concatenate([thin(tables.epochs, last, _ROWS), [now]]))
    data = pd.DataFrame(
        {
            "epoch": tables.epochs[rows],
            "mu": tables.loc[name][rows, unit],
            "log_sigma": tables.log_scale[name][rows, unit],
            "snr": tables.snr[name][rows, unit],
            "past": rows <= now,
        }
    )
    ink, halo = ("#FFFFFF", palette.DARK.ground) if dark else (palette.LIGHT.ink, palette.LIGHT.ground)
    tooltip = charts.tips("epoch:Q", ("mu:Q", "", ".3f"), ("log_sigma:Q", "log sigma", ".3f"), ("snr:Q", "SNR", ".3~g"))

    def line(part: pd.DataFrame, **style: Any) -> Any:
        mark = alt.Chart(part).mark_line(clip=True, **style)
        return mark.encode(x=x, y=y, order="epoch:Q", tooltip=alt.value(None))

    past = data[data["past"]]
    dots = alt.Chart(data).mark_circle(size=14, color=ink, clip=True)
    seen = alt.condition("datum.past", alt.value(0.9), alt.value(0.35))
    layers = [
        line(data, color=ink, strokeWidth=1, opacity=0.5, strokeDash=[2, 2]),
        line(past, color=halo, strokeWidth=4.5, opacity=0.7),
        line(past, color=ink, strokeWidth=2),
        dots.encode(x=x, y=y, opacity=seen, tooltip=tooltip),
    ]
    return layers + _stations(data, now, last, tables, x, y, tooltip, ink, halo)


def _stations(
    data: pd.DataFrame, now: int, last: int, tables: RunTables, x: alt.X, y: alt.Y, tooltip: Any, ink: str, halo: str
) -> list[Any]:
    """The start, the epoch shown and the end, by shape and name."""
    epochs = tables.epochs
    marks = [("start", 0, "square"), ("end", last, "diamond")]
    if 0 < now < last:
        marks.append((tables.when(epochs[now]), now, "circle"))
    layers = []
    for text, row, shape in marks:
        at = data[data["epoch"] == epochs[row]]
        base = alt.Chart(at).encode(x=x, y=y)
        point = base.mark_point(
            shape=shape, size=110, filled=True, fill=ink, stroke=halo, strokeWidth=1.5, opacity=1, clip=True
        )
        layers.append(point.encode(tooltip=tooltip))
        # The words twice: once as a halo that parts them from the ground.
        style: dict[str, Any] = {"align": "left", "baseline": "middle", "dx": 10, "fontSize": 12, "fontWeight": "bold"}
        for colour, width in ((halo, 3.0), (ink, 0.0)):
            layers.append(base.mark_text(text=text, color=colour, stroke=colour, strokeWidth=width, **style))
    return layers
