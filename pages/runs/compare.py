"""Two to four runs over each other: how their settings differ, how they ended, and their curves."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared import run_picker
from pages.shared.figures import figure, table
from pages.shared.outside import md
from sbp.runs.store import RunView
from sbp.spec import RunConfig, run_fields
from sbp.viz import compare, labels
from sbp.viz.tables import tables

LEAST, MOST = 2, 4


def show(runs: list[RunView]) -> None:
    """The comparison of these runs, named A, B, C, D in the order chosen."""
    names = {run.id: "ABCD"[at] for at, run in enumerate(runs)}
    table(
        "**Compared:** " + "; ".join(f"**{names[run.id]}** {md(_called(run))}" for run in runs),
        differences(runs).set_axis(list(names.values())),
        "compared-runs",
        hide_index=False,
        height="content",
        alt="What differs between the compared runs, how they ended",
    )
    found = {names[run.id]: tables(run) for run in runs}
    total = max(run.config.schedule.last_epoch for run in runs)
    charts = {
        "Loss": "loss",
        "Held-out error": "validation_error_percent",
        "MACs": "macs_percent",
        "Units kept": "kept_percent",
    }
    for at, (column, (title, what)) in enumerate(zip(st.columns(4, gap="small"), charts.items(), strict=True)):
        with column:
            figure(title, partial(compare.chart, found, what, total), key=f"compare-{at}")


def _called(run: RunView) -> str:
    return run_picker.name(run) if run.recorded else f"{run_picker.name(run)} ({run_picker.moment_of(run)})"


def differences(runs: list[RunView]) -> pd.DataFrame:
    """One row per run, by its id: the fields of its config that are not the same in all, and its outcome."""
    rows = []
    varied = varying([run.config for run in runs])
    for run in runs:
        summary = run.summary()
        rows.append(
            {
                "state": "recorded" if run.recorded else summary["state"],
                **{name: plain(run.config.value(name)) for name in varied},
                "test error, %": summary["test_error_percent"],
                "held-out error, %": summary["validation_error_percent"],
                "kept": labels.widths(summary["kept"] or ()),
                "MACs reduction": summary["macs_reduction"],
                "seconds": summary["seconds"],
                "hardware": summary["hardware"],
            }
        )
    found = pd.DataFrame(rows, index=pd.Index([run.id for run in runs], name="run"))
    numbers = found.select_dtypes("number").columns
    return found.assign(**{name: found[name].round(2) for name in numbers})


def varying(configs: list[RunConfig]) -> list[str]:
    """Names of the fields in which these configs are not all the same; the preset's name only when nothing else is."""
    differ = [name for name in run_fields() if len({str(config.value(name)) for config in configs}) > 1]
    return [name for name in differ if name != "preset"] or differ


def plain(value: Any) -> str:
    """A field's value in a table."""
    if isinstance(value, tuple):
        return ", ".join(f"{v:g}" for v in value) or "own"
    return f"{value:g}" if isinstance(value, float) else str(value)
