"""Under a run's pictures: its configuration, every number of every epoch, figures and downloads."""

from __future__ import annotations

import io
from typing import Any

import streamlit as st

from pages.shared.figures import figure
from pages.shared.theme import is_dark
from sbp.runs.store import RunView
from sbp.viz import bound, kept, labels, trajectories
from sbp.viz.tables import tables

COLUMNS = {
    "epoch": "epoch",
    "phase": "phase",
    "nll": "NLL, nats",
    "kl": "KL, nats",
    "loss": "loss, nats",
    "validation_error_percent": "held-out error, %",
    "train_error_percent": "training error, %",
    "kept": "kept",
    "macs": "MACs",
    "seconds": "seconds",
}

DIGITS = {
    "nll": 4,
    "kl": 1,
    "loss": 4,
    "validation_error_percent": 2,
    "train_error_percent": 2,
    "seconds": 1,
}


def show(run: RunView) -> None:
    """Three folded sections; what is inside is made only when one is opened."""
    with st.expander(
        "Figures with exact values", icon=":material/show_chart:", key="details-figures", on_change="rerun"
    ) as figures:
        if figures.open:
            _figures(run)
    with st.expander(
        "Numbers of every epoch", icon=":material/table:", key="details-numbers", on_change="rerun"
    ) as numbers:
        if numbers.open:
            _numbers(run)
    with st.expander("Configuration", icon=":material/description:", key="details-config", on_change="rerun") as config:
        if config.open:
            st.code(run.config.to_json(), language="json")


def _figures(run: RunView) -> None:
    found, dark, total = tables(run), is_dark(), run.config.schedule.last_epoch
    charts: dict[str, Any] = {
        "Units kept": kept.chart(found, total, dark=dark),
        "The bound": bound.chart(found, total, dark=dark),
        "Error of the pruned network": bound.error_chart(found, total, dark=dark),
    }
    for layer in found.layers:
        charts[f"SNR in {labels.layer_title(layer)}"] = trajectories.chart(found, layer.name, total, dark=dark)
    columns = st.columns(2, gap="medium")
    for at, (title, chart) in enumerate(charts.items()):
        with columns[at % 2]:
            figure(title, chart, key=f"{run.id}-figure-{at}")


def _numbers(run: RunView) -> None:
    found = tables(run)
    if found.records.empty:
        st.caption("The first epoch has not ended yet.")
        return
    shown = found.records[list(COLUMNS)].rename(columns=COLUMNS)
    shown["kept"] = shown["kept"].map(labels.widths)
    shown = shown.round({COLUMNS[name]: digits for name, digits in DIGITS.items()})
    st.dataframe(shown, hide_index=True, height=320, alt="Every scalar of every epoch")
    downloads(run)


def downloads(run: RunView) -> None:
    """Records as CSV and the config as JSON."""
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Records (CSV)",
            lambda: records_csv(run),
            f"{run.id}-records.csv",
            "text/csv",
            key=f"csv-{run.id}",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Config (JSON)",
            run.config.to_json(),
            f"{run.id}-config.json",
            "application/json",
            key=f"json-{run.id}",
            icon=":material/download:",
            on_click="ignore",
        )


def records_csv(run: RunView) -> bytes:
    """Every scalar of every epoch, one column a kept count."""
    table = tables(run).records.copy()
    for i, layer in enumerate(run.layers):
        table[f"kept_{layer.name}"] = [counts[i] for counts in table["kept"]]
    text = io.StringIO()
    table.drop(columns="kept").to_csv(text, index=False)
    return text.getvalue().encode()
