"""What is minimised, by epoch: NLL, KL per example and their sum; and the error of the pruned network."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.spec.method import KL_METHODS
from sbp.viz import charts, palette
from sbp.viz.tables import RunTables

DATA_TERM, SUM = "data term: NLL", "their sum: the loss"
# What a method adds to the data term, short and long; those that are not here add nothing.
ADDED = {
    **dict.fromkeys(KL_METHODS, ("KL / examples", "KL / number of examples")),
    "ssl": ("group penalty", "group penalty"),
}
ERRORS = {"validation_error_percent": "held-out", "train_error_percent": "training"}
FLOOR = 0.05  # percent; an error of 0 is drawn here, since the axis is logarithmic


def chart(
    tables: RunTables, total: int, epoch: int | None = None, dark: bool = False, height: int = charts.HEIGHT
) -> Any:
    """NLL, weighted KL over the number of training examples, and the loss (their sum), in nats per example.

    Other methods show what they add to the NLL, if anything.
    """
    records = tables.records
    if records.empty:
        return charts.empty("The first epoch has not ended yet.", height)
    colours = [palette.theme(dark).data, palette.theme(dark).kl, palette.theme(dark).reference]
    terms = terms_of(tables.method)
    data = _long(records, terms)
    top = top_of(data["value"].to_numpy())
    names = list(terms.values())
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=2.25, clip=True)
        .encode(
            x=charts.epoch_axis(_first(records), last_of(tables, total)),
            y=alt.Y(
                "value:Q",
                title="nats per example",
                scale=alt.Scale(domain=[0, top], nice=False, clamp=True),
                axis=alt.Axis(tickCount=5, gridOpacity=0.4),
            ),
            color=alt.Color(
                "term:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=colours[: len(names)]),
                legend=alt.Legend(orient="top", symbolStrokeWidth=3, labelLimit=240),
            ),
            strokeDash=alt.StrokeDash(
                "term:N",
                sort=names,
                legend=None,
                scale=alt.Scale(domain=names, range=[[1, 0], [6, 3], [2, 2]][: len(names)]),
            ),
            tooltip=[
                alt.Tooltip("term:N"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("value:Q", title="nats per example", format=".4f"),
            ],
        )
    )
    return charts.finish(alt.layer(lines, *_rules(tables, epoch, dark)), describe(tables, epoch), height)


def error_chart(
    tables: RunTables, total: int, epoch: int | None = None, dark: bool = False, height: int = charts.HEIGHT
) -> Any:
    """Error of the pruned network in percent, on a log axis from 0.05 to 100 that does not move."""
    records = tables.records
    if records.empty:
        return charts.empty("The first epoch has not ended yet.", height)
    data = _long(records, ERRORS).dropna(subset=["value"])
    data["drawn"] = data["value"].clip(lower=FLOOR)
    names = list(ERRORS.values())
    blue, grey = palette.theme(dark).kept, palette.theme(dark).reference
    lines = (
        alt.Chart(data)
        .mark_line(strokeWidth=2.25, clip=True)
        .encode(
            x=charts.epoch_axis(_first(records), last_of(tables, total)),
            y=alt.Y(
                "drawn:Q",
                title="error of the pruned network, %",
                scale=alt.Scale(type="log", domain=[FLOOR, 100], nice=False, clamp=True),
                axis=charts.log_axis(FLOOR, 100),
            ),
            color=alt.Color(
                "term:N",
                title=None,
                sort=names,
                scale=alt.Scale(domain=names, range=[blue, grey]),
                legend=alt.Legend(orient="top", symbolStrokeWidth=3),
            ),
            strokeDash=alt.StrokeDash(
                "term:N", sort=names, legend=None, scale=alt.Scale(domain=names, range=[[1, 0], [4, 3]])
            ),
            tooltip=[
                alt.Tooltip("term:N", title="examples"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("value:Q", title="error, %", format=".2f"),
            ],
        )
    )
    return charts.finish(alt.layer(lines, *_rules(tables, epoch, dark)), describe_error(tables, epoch), height)


def terms_of(method: str) -> dict[str, str]:
    """The columns of the loss's terms and what they are called on a chart."""
    if method not in ADDED:
        return {"nll": DATA_TERM}
    return {"nll": DATA_TERM, "kl_per_example": ADDED[method][1], "loss": SUM}


def describe(tables: RunTables, epoch: int | None = None) -> str:
    """The bound in a sentence."""
    row = _row(tables, epoch)
    if row is None:
        return "No epoch has ended yet, so there is no bound to show."
    said = f"Epoch {int(row['epoch'])}: the data term is {row['nll']:.3f} nats per example"
    if tables.method not in ADDED:
        return f"{said}; this method adds nothing to it."
    what = ADDED[tables.method][0].removesuffix(" / examples")
    return f"{said}, the {what} adds {row['kl_per_example']:.3f}, together {row['loss']:.3f}."


def describe_error(tables: RunTables, epoch: int | None = None) -> str:
    """The error in a sentence."""
    row = _row(tables, epoch)
    if row is None:
        return "No epoch has ended yet, so there is no error to show."
    held = row["validation_error_percent"]
    what = f"{row['train_error_percent']:.2f} % on training examples"
    what = f"{held:.2f} % on held-out examples and " + what if pd.notna(held) else what
    return f"Epoch {int(row['epoch'])}: the pruned network's error is {what}."


def last_of(tables: RunTables, total: int) -> int:
    """The end of the axis of epochs: `total`, or what has been recorded where that is more."""
    return max(total, tables.newest)


def top_of(values: np.ndarray) -> float:
    """A round number above all values, so that the axis moves only when something new is higher than anything before.

    >>> top_of(np.array([0.3, 1.7]))
    2.0
    """
    highest = float(np.nanmax(values, initial=0.01))
    step = 10.0 ** np.floor(np.log10(highest))
    return float(next(m * step for m in (1, 1.5, 2, 3, 5, 7.5, 10) if m * step >= highest))


def _rules(tables: RunTables, epoch: int | None, dark: bool) -> list[alt.Chart]:
    return [*charts.finetuning(tables.finetuned_from, dark), *charts.moment(epoch, dark)]


def _long(records: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    table = records.melt(id_vars=["epoch"], value_vars=list(names), var_name="term", value_name="value")
    return table.assign(term=table["term"].map(names), value=pd.to_numeric(table["value"]))


def _first(records: pd.DataFrame) -> float:
    return float(min(records["epoch"].min(), 1))


def _row(tables: RunTables, epoch: int | None) -> Any:
    records = tables.records
    if len(records) and epoch is not None and (records["epoch"] <= epoch).any():
        records = records[records["epoch"] <= epoch]
    return records.iloc[-1] if len(records) else None
