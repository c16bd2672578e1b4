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
LOGARITHMIC = ("validation_error_percent", "macs_percent")


def chart(runs: Mapping[str, RunTables], what: str, total: int, dark: bool = False, height: int = 260) -> Any:
    """A line per run, told apart by colour, dash and a letter at its end; without the epochs of pretraining."""
    data = table(runs, what)
    if data.empty:
        return charts.empty("None of these runs has finished an epoch.", height)
    names = list(runs)
    theme = palette.theme(dark)
    colours = [theme.kept, theme.pruned, theme.data, theme.kl]
    log = what in LOGARITHMIC
    low = max(float(data["value"].min()), 0.05)
    floor = float(10 ** np.floor(np.log10(low)))
    if log:
        scale = alt.Scale(type="log", domain=[floor, 100], nice=False, clamp=True)
        axis = charts.log_axis(floor, 100)
    else:
        top = 100.0 if what == "kept_percent" else bound.top_of(data["value"].to_numpy())
        scale, axis = alt.Scale(domain=[0, top], nice=False), alt.Axis(tickCount=5, gridOpacity=0.4)
    base = alt.Chart(data).encode(
        x=charts.epoch_axis(1, total),
        y=alt.Y("value:Q", title=WHAT[what], scale=scale, axis=axis),
        color=alt.Color(
            "run:N",
            title=None,
            sort=names,
            scale=alt.Scale(domain=names, range=colours[: len(names)]),
            legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
        ),
        tooltip=[alt.Tooltip("run:N"), alt.Tooltip("epoch:Q"), alt.Tooltip("value:Q", title=WHAT[what], format=".4~g")],
    )
    dashes = [list(dash) for dash in palette.DASHES[: len(names)]]
    lines = base.mark_line(strokeWidth=2.25, clip=True).encode(
        strokeDash=alt.StrokeDash("run:N", sort=names, legend=None, scale=alt.Scale(domain=names, range=dashes))
    )
    ends = data.sort_values("epoch").groupby("run", as_index=False).last()
    letters = base.properties(data=ends).mark_text(align="left", dx=4, fontWeight="bold").encode(text="run:N")
    tuned = [found.finetuned_from for found in runs.values() if found.finetuned_from is not None]
    rules = [mark for epoch in sorted(set(tuned)) for mark in charts.finetuning(epoch, dark)]
    return charts.finish(alt.layer(lines, letters, *rules), describe(data, what), height)


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
