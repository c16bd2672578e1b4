"""Which threshold page Threshold and cost shows: from the link, and back into it when the hand has come to rest."""

from __future__ import annotations

import streamlit as st

from pages.shared import state
from pages.threshold.component import KEY
from sbp.runs.store import RunView
from sbp.spec.noise import SNR_THRESHOLD
from sbp.viz import sweep as sweeps
from sbp.viz.sweep import Sweep

PAGE = "threshold"


def asked() -> float:
    """The threshold that the link asks for, 1 without one."""
    return float(state.from_link(PAGE).get("t", SNR_THRESHOLD))


def rested() -> None:
    """The hand came to rest: its threshold goes into the link."""
    told = (st.session_state.get(KEY) or {}).get("t")
    if isinstance(told, (int, float)):
        state.remember(PAGE, {"t": float(told)})


def sweep_of(run: RunView) -> tuple[Sweep | None, str]:
    """The run's sweep, or None and a sentence that says why there is none and what to do."""
    if run.config.tracked:
        return None, (
            "The error along the threshold needs weights and data, which a run of somebody’s own training loop "
            "(sbp.track) does not have. Kept units and MACs follow from its noise alone."
        )
    command = f"`python -m sbp sweep {run.id}`"
    try:
        value = run.sweep()
        if value is not None:
            return sweeps.read(value, len(run.layers)), ""
    except sweeps.BadSweep as error:
        return None, f"{error} Sweep it again: {command}."
    if run.state.active and not run.recorded:
        return None, "The error along the threshold is measured when the training has ended; the rest follows it live."
    return None, f"The error along the threshold is not measured yet. Measure it: {command}."
