"""Starting a run: which data, preset cards with what they promise, and the full form."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.shared import run_form, run_picker
from pages.shared.figures import folded
from pages.shared.outside import md
from sbp.data.datasets import default_dataset
from sbp.runs import launcher
from sbp.spec import DATASETS, ConfigError, RunConfig, fits
from sbp.spec.method import method_title
from sbp.spec.networks import SPECS
from sbp.spec.presets import PRESETS, Preset
from sbp.viz import labels

CARDS = 3  # side by side
# Data sets that some network reads.
CHOICES = [dataset for dataset in DATASETS if any(fits(network, dataset) for network in SPECS)]
DEVICE_WORDS = {"cpu": "on 2 CPU cores", "cuda": "on a GPU", "mps": "on an Apple GPU"}
FACTS = {
    "digits": "scikit-learn's bundled digits: 1,797 images of 8 x 8, upscaled. Nothing to download; "
    "the presets change a little for them, and their promises are for MNIST.",
    "mnist": "MNIST: 70,000 images of 28 x 28. Downloaded once (11 MB) if missing.",
    "fashion-mnist": "Fashion-MNIST: 70,000 images of 28 x 28. Downloaded once (30 MB) if missing.",
    "cifar-10": "CIFAR-10: 60,000 colour images of 32 x 32. Downloaded once (170 MB) if missing.",
}


def show(place: str) -> None:
    """Data set, cards and form; `place` keeps the keys of the page and of its dialog apart."""
    dataset = _data(place)
    presets = sorted(PRESETS.values(), key=lambda preset: preset.config.data.random_labels)
    presets = [preset for preset in presets if fits(preset.config.network.name, dataset)]
    if place == "page":  # where a film is to be seen below a row of cards; the dialog has them all
        presets = [preset for preset in presets if not preset.config.data.random_labels][:CARDS]
    if not presets:
        st.caption(f"There is no recipe for {labels.DATASET[dataset]} yet; choose all settings below.")
    for at in range(0, len(presets), CARDS):
        for column, preset in zip(st.columns(CARDS, gap="medium"), presets[at : at + CARDS], strict=False):
            key = f"card-{preset.config.network.name}-{preset.name}-{place}"
            with column.container(border=True, height="stretch", key=key):
                card(preset, dataset, place)
    if place == "page":
        st.page_link(
            "random_labels/page.py",
            label="Two more, on random labels: one memorises them, one refuses",
            icon=":material/casino:",
        )
    with folded("All settings", "tune", f"settings-{place}") as is_open:
        if is_open:
            config = run_form.form(place, st.session_state.get("form-start") or _default(dataset))
            st.button(
                "Start with these settings",
                icon=":material/play_arrow:",
                type="primary",
                key=f"start-form-{place}",
                disabled=config is None,
                on_click=_start,
                args=(config,),
            )
    say()


def _data(place: str) -> str:
    """The choice of the data set, and why this one is proposed."""
    proposed, why = default_dataset()
    key = f"start-data-{place}"
    if key not in st.session_state:
        st.session_state[key] = proposed
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        chosen = st.segmented_control(
            "Data",
            CHOICES,
            format_func=lambda name: labels.DATASET[name],
            key=key,
            required=True,
            label_visibility="collapsed",
        )
        assert chosen is not None
        st.caption(why if chosen == proposed else FACTS[chosen])
    return chosen


def card(preset: Preset, dataset: str, place: str, adjust: bool = True) -> None:
    """A preset: what it promises, how long it takes, and the buttons that start it or put it into the form."""
    st.markdown(f"**{preset.title}**")
    st.markdown(f":gray[{preset.promise}]")
    times = [f"{labels.duration(s)} {DEVICE_WORDS.get(device, 'on ' + device)}" for device, s in preset.seconds.items()]
    method = method_title(preset.config.method.name)
    own = preset.config.data.dataset
    on = f" ({labels.DATASET[own]})" if dataset != own else ""
    st.caption(f"{method}, seed 0. About {', '.join(times)}{on}.")
    with st.container(horizontal=True, gap="small"):
        config = preset.on(dataset)
        name = f"{preset.config.network.name}-{preset.name}-{place}"
        st.button(
            "Start", icon=":material/play_arrow:", type="primary", key=f"start-{name}", on_click=_start, args=(config,)
        )
        if adjust:
            st.button("Adjust", icon=":material/tune:", key=f"adjust-{name}", on_click=_adjust, args=(config, place))


def _adjust(config: RunConfig, place: str) -> None:
    """Puts a preset's values into the form and opens it."""
    st.session_state["form-start"] = config
    run_form.fill(place, config)
    st.session_state[f"settings-{place}"] = True


def _default(dataset: str) -> RunConfig:
    """What the form begins with: the first recipe for this data set, else the first network that reads it."""
    for preset in PRESETS.values():
        if fits(preset.config.network.name, dataset):
            return preset.on(dataset)
    return RunConfig.flat(network=next(network for network in SPECS if fits(network, dataset)), dataset=dataset)


def _start(config: RunConfig | None) -> None:
    """Starts the worker and shows its run from now on; an error is shown where the button is."""
    if config is None:
        return
    try:
        run_id = launcher.start(config)
    except (ConfigError, OSError, ValueError) as error:
        st.session_state["start-said"] = f"The run could not be started: {error}"
        return
    st.session_state.pop("start-said", None)
    run_picker.remember(run_id)
    st.session_state["start-done"] = True


def say() -> None:
    """Why a run could not be started, once."""
    if said := st.session_state.pop("start-said", None):
        st.error(md(str(said)), icon=":material/error:")


@st.dialog("Start a run", width="large", icon=":material/play_arrow:")
def dialog(**_: Any) -> None:
    """The same in a window over the page, for when a run is already on it."""
    if st.session_state.pop("start-done", False):
        st.rerun()
    st.markdown(":gray[One run per device at a time; others are queued.]")
    show("dialog")
