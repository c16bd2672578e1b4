"""How many units each layer keeps, through the epochs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.pruning.masks import keep_masks, kept_counts
from sbp.spec.layout import Group
from sbp.viz import bound, charts, labels, palette
from sbp.viz.tables import RunTables


def chart(
    tables: RunTables, total: int, epoch: int | None = None, dark: bool = False, height: int = charts.HEIGHT
) -> Any:
    """Share of each layer that is kept, in percent, by epoch; the axis is 0 to 100 and the whole run."""
    data = table(tables)
    if data.empty:
        return charts.empty("The first epoch has not ended yet.", height)
    names = [labels.layer_title(layer) for layer in tables.layers]
    colours = [palette.layer_colour(i) for i in range(len(names))]
    dashes = [list(palette.layer_dash(i)) for i in range(len(names))]
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=2.25, interpolate="step-after", clip=True)
        .encode(
            x=charts.epoch_axis(0, bound.last_of(tables, total)),
            y=alt.Y(
                "percent:Q",
                title="kept, % of the layer",
                scale=alt.Scale(domain=[0, 100], nice=False),
                axis=alt.Axis(values=[0, 25, 50, 75, 100], gridOpacity=0.4),
            ),
            color=alt.Color(
                "layer:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=colours),
                legend=alt.Legend(orient="top", symbolStrokeWidth=3, labelLimit=200),
            ),
            strokeDash=alt.StrokeDash(
                "layer:N",
                sort=names,
                legend=None,
                scale=alt.Scale(domain=names, range=dashes),
            ),
            tooltip=[
                alt.Tooltip("layer:N"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("kept:Q", format=","),
                alt.Tooltip("units:Q", title="of", format=","),
            ],
        )
    )
    rules = [*charts.finetuning(tables.finetuned_from, dark), *charts.moment(epoch, dark)]
    return charts.finish(alt.layer(lines, *rules), describe(tables, epoch), height)


def table(tables: RunTables) -> pd.DataFrame:
    """Long form: epoch, layer, kept, units, percent; epoch 0 is the initialisation, counted from the snapshot."""
    rows = []
    for epoch, kept in counts(tables):
        for layer, count in zip(tables.layers, kept, strict=True):
            rows.append((epoch, labels.layer_title(layer), count, layer.units, 100 * count / layer.units))
    return pd.DataFrame(rows, columns=["epoch", "layer", "kept", "units", "percent"])


def counts(tables: RunTables) -> list[tuple[int, tuple[int, ...]]]:
    """(epoch, kept units per layer) from the main phase on: as recorded where there is a record, else by SNR >= 1."""
    recorded = tables.after_pretraining
    known = {int(e): tuple(k) for e, k in zip(recorded["epoch"], recorded["kept"], strict=True)}
    epochs = sorted({*map(int, tables.epochs), *known})
    return [(epoch, known.get(epoch) or _by_snr(tables, epoch)) for epoch in epochs]


def at_epochs(tables: RunTables, epochs: Iterable[int]) -> list[tuple[int, ...]]:
    """Kept units per layer at each of these rising epochs: those of the last count that is not after it."""
    known, found = counts(tables), []
    now, at = tuple(layer.units for layer in tables.layers), 0
    for epoch in epochs:
        while at < len(known) and known[at][0] <= epoch:
            now, at = known[at][1], at + 1
        found.append(now)
    return found


def kept_at(tables: RunTables, epoch: int | None = None) -> tuple[int, ...]:
    """Kept units per layer at the last epoch that is not after `epoch` (None: the newest); all before the first."""
    rows = counts(tables)
    fitting = [kept for e, kept in rows if epoch is None or e <= epoch]
    return fitting[-1] if fitting else tuple(layer.units for layer in tables.layers)


def sentence(layers: Sequence[Group], kept: Sequence[int], epoch: int | None = None) -> str:
    """Counts of all layers in a sentence."""
    parts = labels.join(
        [f"{labels.count_of(k, layer)} in {labels.layer_title(layer)}" for k, layer in zip(kept, layers, strict=True)]
    )
    when = f"At epoch {epoch} " if epoch is not None else "Now "
    return f"{when}the network keeps {parts}."


def describe(tables: RunTables, epoch: int | None = None) -> str:
    """The chart in a sentence."""
    newest = max((e for e, _ in counts(tables)), default=-1)
    return sentence(tables.layers, kept_at(tables, epoch), newest if epoch is None else epoch)


def _by_snr(tables: RunTables, epoch: int) -> tuple[int, ...]:
    row = tables.index(epoch)
    return kept_counts(keep_masks({name: snr[row] for name, snr in tables.snr.items()}), tables.layers)
