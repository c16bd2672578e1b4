"""One scalar of several runs over each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.viz import bound, charts, labels, palette
from sbp.viz.tables import RunTables

WHAT = {
    "loss": "loss, nats per example",
    "validation_error_percent": "held-out error, %",
    "macs_percent": "MACs, % of the dense network",
    "kept_percent": "units kept, %",
}
HEIGHT = 220
LOGARITHMIC = ("validation_error_percent", "macs_percent")


def chart(runs: Mapping[str, RunTables], what: str, total: int, dark: bool = False) -> Any:
    """A line per run, told apart by colour, dash and a letter at its end; without the epochs of pretraining."""
    data = table(runs, what)
    if data.empty:
        ended = any(not run.after_pretraining.empty for run in runs.values())
        return charts.empty(f"None of these runs has {'held images out' if ended else 'finished an epoch'}.", HEIGHT)
    if what in LOGARITHMIC:
        floor = float(10 ** np.floor(np.log10(max(float(data["value"].min()), 0.05))))
        y = charts.log_y_axis("value", WHAT[what], floor, 100, clamp=True)
    else:
        top = 100.0 if what == "kept_percent" else bound.top_of(data["value"].to_numpy())
        y = charts.y_axis("value", WHAT[what], top, tickCount=5)
    theme = palette.theme(dark)
    colours = (theme.kept, theme.pruned, theme.data, theme.kl)
    style = charts.told_apart("run", list(runs), colours, palette.DASHES, symbolType="stroke", symbolStrokeWidth=3)
    tips = charts.tips("run:N", "epoch:Q", ("value:Q", WHAT[what], ".4~g"))
    base = alt.Chart(data).encode(x=charts.epoch_axis(1, total), y=y, color=style["color"], tooltip=tips)
    lines = base.mark_line(strokeWidth=2.25, clip=True).encode(strokeDash=style["strokeDash"])
    ends = data.sort_values("epoch").groupby("run", as_index=False).last()
    letters = base.properties(data=ends).mark_text(align="left", dx=4, fontWeight="bold").encode(text="run:N")
    tuned = {found.finetuned_from for found in runs.values() if found.finetuned_from is not None}
    rules = [mark for epoch in sorted(tuned) for mark in charts.finetuning(epoch, dark)]
    return charts.finish(alt.layer(lines, letters, *rules), describe(data, what), HEIGHT)


def table(runs: Mapping[str, RunTables], what: str) -> pd.DataFrame:
    """Long form: run, epoch, value; epochs of pretraining and missing values are left out."""
    parts = []
    for name, found in runs.items():
        records = found.after_pretraining
        if records.empty:
            continue
        parts.append(pd.DataFrame({"run": name, "epoch": records["epoch"], "value": _values(found, records, what)}))
    if not parts:
        return pd.DataFrame({"run": [], "epoch": [], "value": []})
    return pd.concat(parts, ignore_index=True).dropna(subset=["value"])


def describe(data: pd.DataFrame, what: str) -> str:
    """The last value of each run in a sentence."""
    last = data.sort_values("epoch").groupby("run").last()
    parts = [f"{name} at {row['value']:.3g} (epoch {int(row['epoch'])})" for name, row in last.iterrows()]
    return f"{WHAT[what][0].upper() + WHAT[what][1:]}: {labels.join(parts)}."


def _values(found: RunTables, records: pd.DataFrame, what: str) -> pd.Series:
    units = [layer.units for layer in found.layers]
    if what == "kept_percent":
        return records["kept"].map(lambda kept: 100 * sum(kept) / sum(units))
    if what == "macs_percent":
        return 100 * records["macs"] / found.macs_dense
    return pd.to_numeric(records[what])
