"""What can be taken home from page Threshold and cost: the compact network, the sweep, the figures."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts.figures import figure
from pages.parts.theme import is_dark
from sbp.networks.specs import SPECS
from sbp.runs.store import RunView
from sbp.viz import sweep as sweeps
from sbp.viz import threshold as figures
from sbp.viz.sweep import Sweep
from sbp.viz.tables import RunTables

# Format of `export_bytes`, what the button says, what it is for.
FORMATS = (
    ("safetensors", "safetensors", "Name, widths, index and weights; opens with safetensors and torch alone"),
    ("onnx", "ONNX", "For onnxruntime and other engines"),
    ("torch-export", "torch.export", "A traced program for torch"),
    ("card", "Model card", "Data, seed, error before and after, cost, versions, as Markdown"),
)


def section(
    run: RunView, found: RunTables, sweep: Sweep | None, stops: Any, at: int, objects: str
) -> None:  # fmt: skip
    """The buttons; each file is made when its button is pressed."""
    st.subheader("Take it home")
    with st.container(horizontal=True, gap="small", key="threshold-files"):
        if run.model_path is not None and not run.state.active:
            for kind, label, help in FORMATS:
                name = f"{run.id}-compact.{SUFFIX[kind]}"
                st.download_button(
                    label, lambda kind=kind: _exported(run, kind), name, key=f"export-{kind}", help=help,
                    icon=":material/download:", on_click="ignore",
                )  # fmt: skip
        if sweep is not None:
            st.download_button(
                "Sweep (CSV)", lambda: sweeps.csv(sweep, found), f"{run.id}-sweep.csv", "text/csv", key="sweep-csv",
                icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    if run.model_path is None or run.state.active:
        st.caption("The compact network can be downloaded once the run has ended with weights.")
    else:
        st.caption("The compact network is the one at SNR ≥ 1: smaller tensors, the same answers as the masked one.")
    with st.expander("Figures along the threshold, to take away", icon=":material/show_chart:", key="threshold-figures",
                     on_change="rerun") as folded:  # fmt: skip
        if folded.open:
            _figures(run, found, stops, at, objects)


def _figures(run: RunView, found: RunTables, stops: Any, at: int, objects: str) -> None:
    dark, prior = is_dark(), found.prior_snr
    dense = SPECS[run.config.network].dense_macs(run.config.widths)
    left, right = st.columns(2, gap="medium")
    with left:
        figure(
            "Error along the threshold", figures.error_chart(stops, prior, objects, at, dark),
            key=f"{run.id}-threshold-error", light=lambda: figures.error_chart(stops, prior, objects, at),
        )  # fmt: skip
    with right:
        figure(
            "What is left along the threshold", figures.left_chart(stops, run.layers, dense, prior, at, dark),
            key=f"{run.id}-threshold-left", light=lambda: figures.left_chart(stops, run.layers, dense, prior, at),
        )  # fmt: skip


SUFFIX = {"safetensors": "safetensors", "onnx": "onnx", "torch-export": "pt2", "card": "md"}


def _exported(run: RunView, kind: str) -> bytes:
    """The bytes of one format; torch is imported here, not before."""
    from sbp.pruning.export import export_bytes

    return bytes(export_bytes(run, kind)[1])
