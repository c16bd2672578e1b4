"""Downloads of page Threshold and cost: the compact network, the sweep, the figures."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.shared.figures import download, figure, folded
from pages.shared.outside import md
from sbp.export.files import ExportError, export_bytes
from sbp.runs.store import RunView
from sbp.spec.noise import SNR_THRESHOLD
from sbp.viz import sweep as sweeps
from sbp.viz import threshold as figures
from sbp.viz.sweep import Sweep
from sbp.viz.tables import RunTables

# Kind of file, ending, what the button says, what it is for.
FILES = (
    ("safetensors", "safetensors", "safetensors", "Weights, widths, index; opens with safetensors and torch alone"),
    ("onnx", "onnx", "ONNX", "For onnxruntime and other engines"),
    ("torch-export", "pt2", "torch.export", "A traced program for torch"),
    ("card", "md", "Model card", "Data, seed, error before and after, cost, versions, as Markdown"),
)


def downloads(run: RunView, found: RunTables, sweep: Sweep | None, threshold: float) -> None:
    """A button a file; what it holds is made when it is pressed."""
    st.subheader("Download")
    active = run.state.active and not run.recorded
    ready = run.model_path is not None and not active and not run.config.tracked
    refused = st.session_state.setdefault("threshold-refused", {})
    with st.container(horizontal=True, gap="small", key="threshold-files"):
        for kind, ending, label, help in FILES if ready else ():
            name = f"{run.id}-compact{'' if threshold == SNR_THRESHOLD else f'-snr-{threshold:.3g}'}.{ending}"
            download(label, partial(exported, run, kind, threshold, refused), name, key=f"export-{kind}", help=help)
        if sweep is not None:
            download("Sweep (CSV)", lambda: sweeps.csv(sweep, found), f"{run.id}-sweep.csv", key="sweep-csv")
    if sentence := refused.pop(run.id, ""):
        st.error(md(sentence))
    if ready:
        st.caption(f"The compact network at SNR ≥ {figures.number(threshold)}: it answers as the masked one does.")
    elif run.config.tracked:
        st.caption("`sbp.compact(model)` gives the compact network in the training loop itself.")
    else:
        st.caption("The compact network can be downloaded once the run has ended with weights.")


def exported(run: RunView, kind: str, threshold: float, refused: dict[str, str]) -> bytes:
    """The content of one kind of file; why there is none stays in `refused`, for the page's next look."""
    try:
        return export_bytes(run, kind, None if threshold == SNR_THRESHOLD else threshold)[1]
    except ExportError as error:
        refused[run.id] = str(error)
        raise


def figures_along(run: RunView, found: RunTables, stops: Any, at: int, examples: str) -> None:
    """The main figure for paper, made only when asked for."""
    with folded("Figures along the threshold", "show_chart", "threshold-figures") as is_open:
        if not is_open:
            return
        prior, dense = found.prior_snr, run.description.dense_macs()
        left, right = st.columns(2, gap="medium")
        with left:
            error = partial(figures.error_chart, stops, prior, examples, at)
            figure("Error along the threshold", error, key=f"{run.id}-threshold-error", run=run)
        with right:
            remaining = partial(figures.left_chart, stops, run.layers, dense, prior, at)
            figure("Remaining along the threshold", remaining, key=f"{run.id}-threshold-left", run=run)
