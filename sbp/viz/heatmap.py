"""SNR of every unit of a layer through the epochs, and the curve of units kept."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.pruning.masks import is_kept
from sbp.viz import charts, labels, palette
from sbp.viz.pixels import data_uri
from sbp.viz.tables import RunTables

ORDER_TITLES = {"death": "by epoch pruned", "snr": "by current SNR", "unit": "by number"}
FIRST = {"death": "kept longest first", "snr": "highest SNR first", "unit": "by number"}
HEIGHT, CURVE_HEIGHT = 380, 180
COLUMNS = 600  # columns of epochs in a picture, at most


def rgb(tables: RunTables, name: str, order: np.ndarray | None = None, dark: bool = False) -> np.ndarray:
    """One row per unit in the given order, one column per epoch: uint8 [U, columns, 3].

    An epoch without a snapshot repeats the one before, so that columns are evenly spaced in epochs.
    """
    order = tables.order(name) if order is None else order
    columns = np.unique(np.linspace(0, tables.last, min(COLUMNS, tables.last + 1)).round().astype(int))
    rows = np.searchsorted(tables.epochs, columns, side="right") - 1
    return palette.snr_rgb(tables.snr[name][np.ix_(rows, order)].T, dark)


def chart(
    tables: RunTables, name: str, total: int, order: str = "death", epoch: float | None = None, dark: bool = False
) -> Any:
    """The heatmap of a layer with its axes, the colour scale as a legend, and a rule at the epoch shown elsewhere."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", HEIGHT)
    ranks, title = tables.order(layer.name, order, tables.index(epoch)), f"{labels.units_of(layer)}, {FIRST[order]}"
    url = data_uri(rgb(tables, layer.name, ranks, dark))
    picture = pd.DataFrame([{"url": url, "x": -0.5, "x2": tables.last + 0.5, "y": 0, "y2": layer.units}])
    image = alt.Chart(picture).mark_image(aspect=False, smooth=False, clip=True)
    image = image.encode(
        x=charts.axis(alt.X, "x", "epoch", (-0.5, max(total, tables.last) + 0.5), **charts.EPOCH_MARKS),
        x2="x2:Q",
        y=charts.axis(alt.Y, "y", title, (layer.units, 0), grid=False, format="d", tickMinStep=1),
        y2="y2:Q",
        url="url:N",
    )
    layers = [image, scale_legend(dark), *charts.moment(epoch, dark)]
    return charts.finish(alt.layer(*layers), describe(tables, layer.name, epoch), HEIGHT)


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


def kept_curve(tables: RunTables, name: str, total: int, epoch: float | None = None, dark: bool = False) -> Any:
    """Units of a layer still kept, by epoch: filled, from all of them down."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.", CURVE_HEIGHT)
    data = pd.DataFrame({"epoch": tables.epochs, "kept": tables.alive(layer.name)})
    blue = palette.theme(dark).kept
    edge = {"color": blue, "strokeWidth": 2}
    area = alt.Chart(data).mark_area(color=blue, opacity=0.25, interpolate="step-after", clip=True, line=edge)
    area = area.encode(
        x=charts.epoch_axis(0, max(total, tables.last)),
        y=charts.y_axis("kept", f"{labels.units_of(layer)} kept", layer.units, tickCount=4, format="d"),
        tooltip=charts.tips("epoch:Q", ("kept:Q", "kept")),
    )
    described = describe(tables, layer.name, epoch)
    return charts.finish(alt.layer(area, *charts.moment(epoch, dark)), described, CURVE_HEIGHT)


def describe(tables: RunTables, name: str, epoch: float | None = None) -> str:
    """The heatmap in a sentence: how many units are kept, and when the others were pruned."""
    layer = tables.layer(name)
    if not len(tables.epochs):
        return "No epoch has ended yet, so no unit has an SNR."
    row = tables.index(epoch)
    kept = int(is_kept(tables.snr[layer.name][row]).sum())
    left = f"{labels.layer_title(layer)} at {tables.when(tables.epochs[row])}: {labels.count_of(kept, layer)}"
    return f"{left} have an SNR of 1 or more. {history(tables, name, epoch)}"


def history(tables: RunTables, name: str, epoch: float | None = None) -> str:
    """What happened to a layer up to an epoch: when the first unit was pruned, and when most were."""
    layer, frames = tables.layer(name), tables.frames
    row = len(frames.at) - 1 if epoch is None else int(frames.index(epoch))
    kept = is_kept(frames.snr[layer.name][: row + 1]).sum(axis=1)
    if not (kept < layer.units).any():
        return f"No {layer.kind} of this layer was pruned by {tables.when(frames.at[row])}."
    first = tables.when(frames.at[np.argmax(kept < layer.units)])
    losses = -np.diff(kept, prepend=layer.units)
    worst = int(np.argmax(losses))
    most = f"most were pruned at {tables.when(frames.at[worst])} ({int(losses[worst]):,})"
    return f"The first was pruned at {first}; {most}."
