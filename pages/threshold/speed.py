"""Is it faster? The measured table with its button, and what each layer costs before and after."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared import measurement_button
from pages.shared.figures import table
from pages.shared.outside import md
from sbp.pruning.cost import Cost, network_cost
from sbp.reference.paper import rows_of
from sbp.runs import store
from sbp.runs.store import RunView
from sbp.spec.networks import scale_of
from sbp.viz import labels
from sbp.viz import speed as speeds
from sbp.viz.threshold import number


def section(run: RunView, stop: Any, take_home: Callable[[], None]) -> None:
    """Measured speed on the left, counted cost at the chosen threshold on the right, downloads in the shorter one."""
    left, right = st.columns([7, 5], gap="medium")
    with left:
        st.subheader("Is it faster?")
        measured = _speed(run)
    with right:
        st.subheader("What each layer costs")
        _cost(run, stop)
    with right if measured else left:
        take_home()


def _speed(run: RunView) -> bool:
    """Whether anything has been measured."""
    try:
        found = _measured(run.stamp, run)
    except speeds.BadSpeed as error:
        st.warning(f"{md(str(error))} Measure it again.", icon=":material/broken_image:")
        found = []
    for i, measured in enumerate(found):
        table(
            f"**On {md(speeds.where(measured))}**: {md(speeds.sentence(measured))}",
            _shown(run.stamp, i, run),
            f"{run.id}-speed-{i}",
            height="content",
            alt=f"Median and spread of dense, masked and compact on {speeds.where(measured)}",
        )
    if not found:
        st.markdown("Fewer MACs do not guarantee less time. Not measured yet.")
    st.caption(
        "Time of one batch: median (interquartile range within a process; range between processes, where there were "
        "several); ×: dense time over it; ?: unsteady, a spread over 10 % of the median. Masked: zeros in place, as "
        "large as before. Compact: smaller tensors, same output. Both at SNR ≥ 1, whatever the threshold above. The "
        "paper does not name its batch size."
    )
    if run.config.tracked:
        st.caption("It cannot be measured: the network of somebody’s own training loop is known by its shapes alone.")
    elif run.state.active and not run.recorded:
        st.caption("It can be measured once the training has ended.")
    elif run.model_path is None and not run.result:
        st.caption("It cannot be measured: the run has not finished, and its folder holds no weights.")
    else:
        if run.model_path is None:
            st.caption("Its folder holds no weights, so networks of the same shapes with random weights are measured.")
        busy = [other for other in store.newest_runs(recorded=False) if other.state.active]
        if busy:
            title = labels.run_title(busy[0])
            st.caption(f"A run is training on this machine ({title}); it slows the measurement.")
        help = (
            "Dense, masked and compact at batch 1, 32 and 1000, in five processes, one after another; takes about half "
            "a minute, or some minutes for a deep network on a CPU."
        )
        with st.container(horizontal=True, gap="small", key="measure-line"):
            measurement_button.offer(run.id, "speed", "Measure here", help)
            if shutil.which("nvidia-smi"):  # a sign of a GPU that needs no torch
                measurement_button.offer(run.id, "speed-gpu", "Measure on the GPU", help)
    return bool(found)


@st.cache_data(max_entries=32, show_spinner=False)
def _measured(stamp: Hashable, _run: RunView) -> list[Any]:
    return list(speeds.measurements(_run.speed()))


@st.cache_data(max_entries=64, show_spinner=False)
def _shown(stamp: Hashable, which: int, _run: RunView) -> pd.DataFrame:
    network = _run.config.network.name
    return speeds.shown(_measured(stamp, _run)[which], rows_of(network, scale_of(_run.config.network.widths, network)))


def _cost(run: RunView, stop: Any) -> None:
    description = run.description
    before, after = network_cost(description), network_cost(description, stop["kept"])
    table(
        f"**Dense → compact at SNR ≥ {number(stop['threshold'])}**",
        cost_table(before, after),
        f"{run.id}-cost",
        height="content",
        alt="Params, MACs and weight memory of each layer, dense and compact",
    )
    shrink = before.weight_bytes / after.weight_bytes if after.weight_bytes else float("inf")
    st.caption(
        f"Weights are float32. MACs: multiply-accumulates per image, "
        f"no bias (FLOPs = 2 × MACs). Weights take {_memory(before.weight_bytes)} → {_memory(after.weight_bytes)}, "
        f"{shrink:.1f}× less; activations per image {_memory(before.activation_bytes)} → "
        f"{_memory(after.activation_bytes)}."
    )


def cost_table(before: Cost, after: Cost) -> pd.DataFrame:
    """A row per layer of weights and one for the sum: before → after."""

    def row(name: str, old: Any, new: Any) -> dict[str, str]:
        weights = f"{_memory(old.weight_bytes)} → {_memory(new.weight_bytes)}"
        return {
            "layer": name,
            "params": _pair(old.params, new.params),
            "MACs": _pair(old.macs, new.macs),
            "weights": weights,
        }

    layers = zip(before.layers, after.layers, strict=True)
    return pd.DataFrame(
        [*(row(labels.layer_name(old.name), old, new) for old, new in layers), row("all", before, after)]
    )


def _pair(old: int, new: int) -> str:
    return f"{old:,} → {new:,}"


def _memory(size: int) -> str:
    """Bytes in the unit that suits them (1 kB = 1,000 B)."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.2f} MB"
