"""Page Random labels, its lower part: when it does memorise. Both outcomes as recipes that one click starts."""

from __future__ import annotations

import streamlit as st

from pages.shared import new_run, state
from sbp.data.datasets import default_dataset
from sbp.spec import RunConfig
from sbp.spec.presets import PRESETS, Preset

PLACE = "race"


def show() -> None:
    """Why collapse is a race and no law, and the two recipes."""
    st.subheader("Refusing is a race, not a law")
    slow, fast = (PRESETS["lenet-500-300", name] for name in ("memorise", "collapse"))
    st.markdown(
        "The weights are not Bayesian: once they have memorised labels, the units that carry them are worth "
        "their KL, and the bound can even be better for it. The faster one wins. mu and log sigma move by "
        "about their learning rate per step, however small their gradient: at "
        f"{_ratio(slow):.0f} times the weights’ learning rate the weights win, at "
        f"{_ratio(fast):.0f} times the noise does."
    )
    dataset, why = default_dataset()
    for column, preset in zip(st.columns(2, gap="medium"), (slow, fast), strict=True):
        with column.container(border=True, height="stretch", key=f"card-{preset.name}-{PLACE}"):
            new_run.card(preset, dataset, PLACE, adjust=False)
    configs = fast.on(dataset), slow.on(dataset)
    st.button(
        "Start both, and watch them above on one clock",
        icon=":material/play_arrow:",
        key="start-both",
        disabled=any(map(new_run.why_not, configs)),
        on_click=_start,
        args=configs,
    )
    new_run.say()
    st.caption(f"{why} A click starts runs in the background; one by itself is shown on page Train.")


def _start(*configs: RunConfig) -> None:
    """Starts both runs, that which refuses first, and stays on this page."""
    new_run.start(*configs)
    if st.session_state.pop("start-done", False):
        state.put("pair", "race", "run", "epoch")


def _ratio(preset: Preset) -> float:
    """The noise's learning rate over the weights'."""
    return preset.config.optimisation.noise_lr / preset.config.optimisation.lr
