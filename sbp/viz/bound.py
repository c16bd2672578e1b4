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


def chart(tables: RunTables, total: int, dark: bool = False) -> Any:
    """NLL, weighted KL over the number of training examples, and the loss (their sum), in nats per example.

    Other methods show what they add to the NLL, if anything.
    """
    if tables.records.empty and tables.steps.empty:
        return charts.empty("The first epoch has not ended yet.")
    theme, terms = palette.theme(dark), terms_of(tables.method)
    data = _long(tables.loss_curve, terms)
    y = charts.y_axis("value", "nats per example", top_of(data["value"].to_numpy()), clamp=True, tickCount=5)
    style = charts.told_apart(
        "term",
        list(terms.values()),
        (theme.data, theme.kl, theme.reference),
        ((1, 0), (6, 3), (2, 2)),
        symbolStrokeWidth=3,
        labelLimit=240,
    )
    tips = charts.tips("term:N", "epoch:Q", ("value:Q", "nats per example", ".4f"))
    return _lines(tables, total, data, y, style, tips, dark, describe(tables))


def error_chart(tables: RunTables, total: int, dark: bool = False) -> Any:
    """Error of the pruned network in percent, on a log axis from 0.05 to 100 that does not move."""
    if tables.records.empty:
        return charts.empty("The first epoch has not ended yet.")
    theme = palette.theme(dark)
    data = _long(tables.records, ERRORS).dropna(subset=["value"])
    data["drawn"] = data["value"].clip(lower=FLOOR)
    y = charts.log_y_axis("drawn", "error of the pruned network, %", FLOOR, 100, clamp=True)
    colours, dashes = (theme.kept, theme.reference), ((1, 0), (4, 3))
    style = charts.told_apart("term", list(ERRORS.values()), colours, dashes, symbolStrokeWidth=3)
    tips = charts.tips(("term:N", "examples"), "epoch:Q", ("value:Q", "error, %", ".2f"))
    return _lines(tables, total, data, y, style, tips, dark, describe_error(tables))


def _lines(
    tables: RunTables,
    total: int,
    data: pd.DataFrame,
    y: alt.Y,
    style: dict[str, Any],
    tips: list[alt.Tooltip],
    dark: bool,
    said: str,
) -> Any:
    x = charts.epoch_axis(float(np.nanmin([data["epoch"].min(), 1])), last_of(tables, total))
    lines = alt.Chart(data).mark_line(strokeWidth=2.25, clip=True).encode(x=x, y=y, **style, tooltip=tips)
    return charts.finish(alt.layer(lines, *charts.finetuning(tables.finetuned_from, dark)), said)


def terms_of(method: str) -> dict[str, str]:
    """The columns of the loss's terms and what they are called on a chart."""
    if method not in ADDED:
        return {"nll": DATA_TERM}
    return {"nll": DATA_TERM, "kl_per_example": ADDED[method][1], "loss": SUM}


def describe(tables: RunTables) -> str:
    """The bound in a sentence."""
    if tables.records.empty:
        return "No epoch has ended yet, so there is no bound to show."
    row = tables.records.iloc[-1]
    said = f"Epoch {int(row['epoch'])}: the data term is {row['nll']:.3f} nats per example"
    if tables.method not in ADDED:
        return f"{said}; this method adds nothing to it."
    what = ADDED[tables.method][0].removesuffix(" / examples")
    return f"{said}, the {what} adds {row['kl_per_example']:.3f}, together {row['loss']:.3f}."


def describe_error(tables: RunTables) -> str:
    """The error in a sentence."""
    if tables.records.empty:
        return "No epoch has ended yet, so there is no error to show."
    row = tables.records.iloc[-1]
    said = [f"{row[column]:.2f} % on {what} examples" for column, what in ERRORS.items() if pd.notna(row[column])]
    what = " and ".join(said) or "not known"
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


def _long(records: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    table = records.melt(id_vars=["epoch"], value_vars=list(names), var_name="term", value_name="value")
    return table.assign(term=table["term"].map(names), value=pd.to_numeric(table["value"]))
