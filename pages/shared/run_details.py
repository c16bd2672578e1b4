"""Under a run's pictures: its configuration, every number of every epoch, figures and downloads."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import film
from pages.shared.figures import download, figure, folded
from sbp.runs.store import RunView
from sbp.spec.command import train_script
from sbp.viz import bound, kept, labels, named, trajectories
from sbp.viz.tables import tables

# Column of the records: what it is called, and its decimals.
COLUMNS: dict[str, tuple[str, int | None]] = {
    "epoch": ("epoch", None),
    "phase": ("phase", None),
    "nll": ("NLL, nats", 4),
    "kl": ("KL, nats", 1),
    "loss": ("loss, nats", 4),
    "validation_error_percent": ("held-out error, %", 2),
    "train_error_percent": ("training error, %", 2),
    "kept": ("kept", None),
    "macs": ("MACs", None),
    "seconds": ("seconds", 1),
}


def show(run: RunView) -> None:
    """Three folded sections; what is inside is made only when one is opened."""
    with folded("Figures with exact values", "show_chart", "details-figures") as is_open:
        if is_open:
            _figures(run)
    with folded("Numbers of every epoch", "table", "details-numbers") as is_open:
        if is_open:
            _numbers(run)
    with folded("Configuration", "description", "details-config") as is_open:
        if is_open:
            if run.config.tracked:
                st.caption("Of somebody’s own training loop: what it did not say stands at its default.")
            st.code(run.config.to_json(), language="json")


def _figures(run: RunView) -> None:
    found, total = tables(run), run.config.schedule.last_epoch
    charts: dict[str, Callable[[bool], Any]] = {
        "Units kept": lambda dark: kept.chart(found, total, dark),
        "The bound": lambda dark: bound.chart(found, total, dark),
        "Error of the pruned network": lambda dark: bound.error_chart(found, total, dark),
    }
    for layer in found.layers:
        title = f"SNR in {labels.layer_title(layer)}"
        charts[title] = partial(trajectories.chart, found, layer.name, total, None)
    columns = st.columns(2, gap="medium")
    for at, (title, chart) in enumerate(charts.items()):
        with columns[at % 2]:
            figure(title, chart, key=f"{run.id}-figure-{at}", run=run)


def _numbers(run: RunView) -> None:
    found = tables(run)
    if found.records.empty:
        st.caption("The first epoch has not ended yet.")
        return
    shown = found.records[list(COLUMNS)].rename(columns={name: title for name, (title, _) in COLUMNS.items()})
    shown["kept"] = shown["kept"].map(labels.widths)
    shown = shown.round({title: digits for title, digits in COLUMNS.values() if digits is not None})
    st.dataframe(shown, hide_index=True, height=320, alt="Every scalar of every epoch")
    downloads(run)


def downloads(run: RunView) -> None:
    """Records as CSV, the config as JSON, the pictures as HTML, and a script that trains the same once more."""
    with st.container(horizontal=True, gap="small"):
        download("Records (CSV)", lambda: records_csv(run), f"{run.id}-records.csv", key=f"csv-{run.id}")
        download("Config (JSON)", run.config.to_json(), f"{run.id}-config.json", key=f"json-{run.id}")
        film.html_button(run, f"html-{run.id}")
        if not run.config.tracked:
            version = f" · sbp {run.meta['sbp']}" if "sbp" in run.meta else ""
            script = train_script(run.config, f"Repeats {named.source(run)}{version}")
            download("Script (sh)", script, f"{run.id}.sh", key=f"sh-{run.id}", help="Trains it again, by a shell")


def records_csv(run: RunView) -> bytes:
    """Every scalar of every epoch, one column a kept count."""
    table = tables(run).records
    kept = {f"kept_{layer.name}": [counts[i] for counts in table["kept"]] for i, layer in enumerate(run.layers)}
    return table.assign(**kept).drop(columns="kept").to_csv(index=False).encode()
