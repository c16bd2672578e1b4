"""How many units each layer keeps, through the epochs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.pruning.masks import keep_masks, kept_counts
from sbp.viz import bound, charts, labels, palette
from sbp.viz.tables import RunTables


def chart(tables: RunTables, total: int, dark: bool = False) -> Any:
    """Share of each layer that is kept, in percent, by epoch; the axis is 0 to 100 and the whole run."""
    data = table(tables)
    if data.empty:
        return charts.empty("The first epoch has not ended yet.")
    names = [labels.layer_title(layer) for layer in tables.layers]
    colours, dashes = zip(*((palette.layer_colour(i), palette.layer_dash(i)) for i in range(len(names))), strict=True)
    lines = alt.Chart(data).mark_line(strokeWidth=2.25, interpolate="step-after", clip=True)
    lines = lines.encode(
        x=charts.epoch_axis(0, bound.last_of(tables, total)),
        y=charts.percent_axis("kept, % of the layer"),
        **charts.told_apart("layer", names, colours, dashes, symbolStrokeWidth=3, labelLimit=200),
        tooltip=charts.tips("layer:N", "epoch:Q", ("kept:Q", "", ","), ("units:Q", "of", ",")),
    )
    return charts.finish(alt.layer(lines, *charts.finetuning(tables.finetuned_from, dark)), describe(tables))


def table(tables: RunTables) -> pd.DataFrame:
    """Long form: epoch, layer, kept, units, percent; epoch 0 is the initialisation, counted from the snapshot."""
    rows = [
        (epoch, labels.layer_title(layer), count, layer.units, 100 * count / layer.units)
        for epoch, kept in counts(tables)
        for layer, count in zip(tables.layers, kept, strict=True)
    ]
    return pd.DataFrame(rows, columns=["epoch", "layer", "kept", "units", "percent"])


def counts(tables: RunTables) -> list[tuple[float, tuple[int, ...]]]:
    """(epoch, kept units per layer) from the main phase on, its first steps at fractions of an epoch: as recorded where
    there is a record, else by SNR >= 1."""
    recorded, steps = tables.after_pretraining, tables.steps[tables.steps["kept"].notna()]
    known: dict[float, tuple[int, ...]] = {
        **{int(e): tuple(k) for e, k in zip(recorded["epoch"], recorded["kept"], strict=True)},
        **{float(e): tuple(k) for e, k in zip(steps["epoch"], steps["kept"], strict=True)},
    }
    epochs = sorted({*map(int, tables.epochs), *known})
    return [(epoch, known.get(epoch) or _by_snr(tables, epoch)) for epoch in epochs]


def at_epochs(tables: RunTables, epochs: Iterable[float]) -> list[tuple[int, ...]]:
    """Kept units per layer at each of these rising epochs: those of the last count that is not after it."""
    known = [(-math.inf, tuple(layer.units for layer in tables.layers)), *counts(tables)]
    rows = np.searchsorted([epoch for epoch, _ in known], list(epochs), side="right") - 1
    return [known[row][1] for row in rows]


def describe(tables: RunTables) -> str:
    """The chart in a sentence."""
    epoch, kept = next(reversed(counts(tables)), (-1, tuple(layer.units for layer in tables.layers)))
    each = zip(kept, tables.layers, strict=True)
    parts = [f"{labels.count_of(k, layer)} in {labels.layer_title(layer)}" for k, layer in each]
    return f"At {tables.when(epoch)} the network keeps {labels.join(parts)}."


def _by_snr(tables: RunTables, epoch: float) -> tuple[int, ...]:
    row = int(tables.frames.index(epoch))
    return kept_counts(keep_masks({name: snr[row] for name, snr in tables.frames.snr.items()}), tables.layers)
