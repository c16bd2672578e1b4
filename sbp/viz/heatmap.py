"""SNR of every unit of a layer through the epochs, the death curve, and the cells of one epoch."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.spec.layout import Group
from sbp.viz import charts, labels, palette, pixel_map
from sbp.viz.cell_layout import cells, is_map
from sbp.viz.pixels import data_uri
from sbp.viz.tables import ALIVE, RunTables

ORDER_TITLES = {"death": "by epoch of death", "snr": "by SNR now", "unit": "by number"}
MULTIPLES = 64  # layers up to this many units are drawn as small multiples
COLUMNS = 600  # columns of epochs in a picture, at most


def rgb(tables: RunTables, name: str, order: np.ndarray | None = None, dark: bool = False) -> np.ndarray:
    """One row a unit in the given order, one column an epoch: uint8 [U, columns, 3].

    An epoch without a snapshot repeats the one before, so that columns are evenly spaced in epochs.
    """
    order = tables.order(name) if order is None else order
    columns = np.unique(np.linspace(0, tables.last, min(COLUMNS, tables.last + 1)).round().astype(int))
    rows = np.searchsorted(tables.epochs, columns, side="right") - 1
    return palette.snr_rgb(tables.snr[name][np.ix_(rows, order)].T, dark)


def chart(
    tables: RunTables,
    name: str,
    total: int,
    order: str = "death",
    epoch: int | None = None,
    dark: bool = False,
    height: int = 380,
) -> Any:
    """The heatmap of a layer with its axes, the colour scale as a legend, and a rule at the epoch shown elsewhere."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", height)
    ranks = tables.order(layer.name, order, tables.index(epoch))
    picture = pd.DataFrame(
        {
            "url": [data_uri(rgb(tables, layer.name, ranks, dark))],
            "x": [-0.5],
            "x2": [tables.last + 0.5],
            "y": [0],
            "y2": [layer.units],
        }
    )
    image = (
        alt.Chart(picture)
        .mark_image(aspect=False, smooth=False, clip=True)
        .encode(
            x=alt.X(
                "x:Q",
                title="epoch",
                scale=alt.Scale(domain=[-0.5, max(total, tables.last) + 0.5], nice=False),
                axis=alt.Axis(format="d", grid=False, tickMinStep=1, tickCount=8),
            ),
            x2="x2:Q",
            y=alt.Y(
                "y:Q",
                title=_y_title(layer, order),
                axis=alt.Axis(grid=False, format="d", tickMinStep=1),
                scale=alt.Scale(domain=[layer.units, 0], nice=False),
            ),
            y2="y2:Q",
            url="url:N",
        )
    )
    layers = [image, scale_legend(dark), *charts.moment(epoch, dark)]
    return charts.finish(alt.layer(*layers), describe(tables, layer.name, epoch), height)


def scale_legend(dark: bool = False) -> alt.Chart:
    """The colour scale of the SNR as a legend, drawn by a mark that cannot be seen."""
    stops = palette.stops(dark)
    colour = alt.Color(
        "log10:Q",
        scale=alt.Scale(domain=[x for x, _ in stops], range=[c for _, c in stops], clamp=True),
        legend=alt.Legend(
            title="SNR",
            values=[-0.5, 0, 0.5, 1, 1.5, 2],
            gradientLength=160,
            type="gradient",
            labelExpr="datum.value == 0 ? '1, pruned below' : format(pow(10, datum.value), '.2~r')",
        ),
    )
    data = pd.DataFrame({"log10": list(palette.LOG10_DOMAIN)})
    return alt.Chart(data).mark_point(opacity=0, size=0).encode(color=colour, tooltip=alt.value(None))


def death_curve(
    tables: RunTables, name: str, total: int, epoch: int | None = None, dark: bool = False, height: int = 180
) -> Any:
    """Units of a layer still kept, by epoch: the curve of survivors, filled, from all of them down."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", height)
    data = pd.DataFrame({"epoch": tables.epochs, "kept": tables.alive(layer.name)})
    blue = palette.KEPT_DARK if dark else palette.KEPT
    area = (
        alt.Chart(data)
        .mark_area(
            color=blue, opacity=0.25, interpolate="step-after", clip=True, line={"color": blue, "strokeWidth": 2}
        )
        .encode(
            x=charts.epoch_axis(0, max(total, tables.last)),
            y=alt.Y(
                "kept:Q",
                title=f"{labels.units_of(layer)} kept",
                axis=alt.Axis(tickCount=4, gridOpacity=0.4, format="d"),
                scale=alt.Scale(domain=[0, layer.units], nice=False),
            ),
            tooltip=[alt.Tooltip("epoch:Q"), alt.Tooltip("kept:Q", title="kept")],
        )
    )
    return charts.finish(alt.layer(area, *charts.moment(epoch, dark)), describe(tables, layer.name, epoch), height)


def grid(
    tables: RunTables, name: str, epoch: int | None = None, order: str = "death", dark: bool = False, height: int = 380
) -> Any:
    """The units of a layer at one epoch, a cell each with its number and SNR on hover; up to 1,500 of them."""
    layer, row = tables.layer(name), tables.index(epoch)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", height)
    ranks = None if is_map(layer) else tables.order(layer.name, order, row)
    places = cells(layer, ranks)
    down, across = np.nonzero(places >= 0)
    units = places[down, across]
    snr = tables.snr[layer.name][row][units]
    colours = palette.snr_rgb(snr, dark)
    death = tables.death[layer.name][units]
    data = pd.DataFrame(
        {
            "row": down,
            "column": across,
            "unit": units,
            "snr": snr,
            "colour": ["#{:02x}{:02x}{:02x}".format(*c) for c in colours],
            "fate": ["kept to the end" if d == ALIVE else f"dead from epoch {d}" for d in death],
        }
    )
    gap = 0 if len(layer.shape) == 2 else 1
    marks = (
        alt.Chart(data)
        .mark_rect(stroke="transparent", strokeWidth=gap)
        .encode(
            x=alt.X("column:O", axis=None),
            y=alt.Y("row:O", axis=None),
            color=alt.Color("colour:N", scale=None),
            tooltip=[
                alt.Tooltip("unit:Q", title=layer.kind),
                alt.Tooltip("snr:Q", title="SNR", format=".3~g"),
                "fate:N",
            ],
        )
    )
    description = pixel_map.describe(layer, tables.snr[layer.name][row], int(tables.epochs[row]))
    return charts.finish(alt.layer(marks), description, height)


def describe(tables: RunTables, name: str, epoch: int | None = None) -> str:
    """The heatmap in a sentence: how many are left, and what happened before."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return "No epoch has ended yet, so no unit has an SNR."
    row = tables.index(epoch)
    kept = int((tables.snr[layer.name][row] >= 1).sum())
    left = f"{labels.layer_title(layer)} at epoch {int(tables.epochs[row])}: {labels.count_of(kept, layer)}"
    return f"{left} have an SNR of 1 or more. {history(tables, name, epoch)}"


def history(tables: RunTables, name: str, epoch: int | None = None) -> str:
    """What happened to a layer up to an epoch: the first death, and the epoch that most units went in."""
    layer, row = tables.layer(name), tables.index(epoch)
    snr = tables.snr[layer.name][: row + 1]
    dead = (snr < 1).any(axis=1)
    if not dead.any():
        return "Nothing has died yet."
    first = int(tables.epochs[np.argmax(dead)])
    losses = -np.diff(tables.alive(layer.name)[: row + 1], prepend=layer.units)
    worst = int(np.argmax(losses))
    most = f"most went at epoch {int(tables.epochs[worst])}, {int(losses[worst]):,} of them"
    return f"The first died at epoch {first}; {most}."


def _y_title(layer: Group, order: str) -> str:
    first = {"death": "longest-lived first", "snr": "highest SNR first", "unit": "by number"}[order]
    return f"{labels.units_of(layer)}, {first}"
