"""SNR of units through the epochs, on a log axis with its two rules."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.pruning.masks import is_kept
from sbp.viz import charts, labels, palette
from sbp.viz.tables import RunTables

UNITS = 40  # lines drawn of a layer; all units of a smaller one
EPOCHS = 80  # points a line has at most


def sample(tables: RunTables, name: str, count: int = UNITS) -> np.ndarray:
    """Units that stand for a layer: evenly spread over the order of death, so that each fate has its share."""
    order = tables.order(name)
    if len(order) <= count:
        return np.sort(order)
    return np.sort(order[np.linspace(0, len(order) - 1, count).round().astype(int)])


def thin(epochs: np.ndarray, upto: int, count: int = EPOCHS) -> np.ndarray:
    """Rows 0..upto, at most `count` of them, first and last included."""
    return np.unique(np.linspace(0, upto, min(count, upto + 1)).round().astype(int))[: len(epochs)]


def chart(tables: RunTables, name: str, total: int, epoch: float | None = None, dark: bool = False) -> Any:
    """Lines of a sample of units over the band that holds the middle 90 % of all, up to an epoch.

    total: the epochs the run will have, which fixes the axis. Blue lines are kept at that epoch, orange ones pruned.
    """
    layer = tables.layer(name)
    if not len(tables.epochs):
        return charts.empty("The first epoch has not ended yet.")
    rows = thin(tables.epochs, tables.index(epoch))
    units = sample(tables, layer.name)
    x = charts.epoch_axis(0, max(total, tables.last))
    lines = alt.Chart(_lines(tables, layer.name, rows, units)).mark_line(strokeWidth=1, opacity=0.55, clip=True)
    lines = lines.encode(
        x=x,
        y=charts.snr_axis(),
        detail="unit:N",
        color=charts.fate("state", dark, alt.Legend(orient="top", symbolOpacity=1, symbolStrokeWidth=3)),
        tooltip=charts.tips(("unit:Q", layer.kind), "epoch:Q", ("snr:Q", "SNR", ".3~g"), ("state:N", "at the end")),
    )
    layers = [charts.snr_rules(tables.prior_snr, dark), lines]
    if len(units) < layer.units:
        layers.insert(0, _band(tables, layer.name, rows, x))
    return charts.finish(alt.layer(*layers), describe(tables, name, epoch))


def describe(tables: RunTables, name: str, epoch: float | None = None) -> str:
    """The chart in a sentence."""
    layer, row = tables.layer(name), tables.index(epoch)
    if not len(tables.epochs):
        return "No epoch has ended yet, so there is no SNR to show."
    snr = tables.snr[layer.name][row]
    kept = int(is_kept(snr).sum())
    middle = float(np.median(snr[is_kept(snr)])) if kept else float("nan")
    tail = f"; half of those kept have an SNR above {middle:.2g}" if kept else ""
    return (
        f"{labels.layer_title(layer)} at {tables.when(tables.epochs[row])}: "
        f"{labels.count_of(kept, layer)} have an SNR of 1 or more{tail}."
    )


def _lines(tables: RunTables, name: str, rows: np.ndarray, units: np.ndarray) -> pd.DataFrame:
    snr = tables.snr[name][np.ix_(rows, units)]
    state = np.where(is_kept(snr[-1]), "kept", "pruned")
    return pd.DataFrame(
        {
            "epoch": np.repeat(tables.epochs[rows], len(units)),
            "unit": np.tile(units, len(rows)),
            "snr": snr.ravel().round(3),
            "state": np.tile(state, len(rows)),
        }
    )


def _band(tables: RunTables, name: str, rows: np.ndarray, x: alt.X) -> alt.Chart:
    low, high = np.quantile(tables.snr[name][rows], [0.05, 0.95], axis=1)
    data = pd.DataFrame({"epoch": tables.epochs[rows], "snr": low, "high": high})
    band = alt.Chart(data).mark_area(opacity=0.13, color=palette.LIGHT.reference, clip=True)
    return band.encode(x=x, y=charts.snr_axis(), y2="high:Q", tooltip=alt.value(None))
