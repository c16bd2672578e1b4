"""Starting a run: which data, preset cards with what they promise, and the full form."""

from __future__ import annotations

import platform
import shutil
from typing import Any

import streamlit as st

from pages.shared import run_form, run_picker, visitors
from pages.shared.outside import md
from sbp.data.datasets import default_dataset
from sbp.runs import launchers
from sbp.runs.limits import read_limits
from sbp.spec import DATASETS, ConfigError, RunConfig, fits
from sbp.spec.method import method_title
from sbp.spec.networks import SPECS
from sbp.spec.presets import PRESETS, Preset
from sbp.viz import labels

CARDS = 3  # side by side
# Data sets that some network reads.
CHOICES = [dataset for dataset in DATASETS if any(fits(network, dataset) for network in SPECS)]
DEVICES = {"cuda": "GPU", "mps": "Apple GPU", "cpu": "CPU"}
DEVICE_WORDS = {"cpu": "on 2 CPU cores", "cuda": "on a GPU", "mps": "on an Apple GPU"}
FACTS = {
    "digits": "scikit-learn's bundled digits: 1,797 images of 8 x 8, upscaled. Nothing to download; "
    "the presets change a little for them.",
    "mnist": "MNIST: 70,000 images of 28 x 28. Downloaded once (11 MB) if missing.",
    "fashion-mnist": "Fashion-MNIST: 70,000 images of 28 x 28. Downloaded once (30 MB) if missing.",
    "cifar-10": "CIFAR-10: 60,000 colour images of 32 x 32. Downloaded once (170 MB) if missing.",
}


def show(place: str) -> None:
    """Data set, device and cards, or in their place the form; `place` keeps the keys of page and dialog apart."""
    if why := visitors.refusal():
        st.info(md(why), icon=":material/visibility:")
    if st.session_state.get(f"settings-{place}"):
        _settings(place)
    else:
        _recipes(place)
    say()


def _recipes(place: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        dataset, device = _data(place), _device(place)
    presets = [preset for preset in PRESETS.values() if fits(preset.config.network.name, dataset)]
    presets.sort(key=lambda preset: (preset.config.data.random_share, device not in preset.seconds))
    if not presets:
        st.caption(f"There is no recipe for {labels.DATASET[dataset]} yet; choose all settings.")
    for at in range(0, len(presets), CARDS):
        for column, preset in zip(st.columns(CARDS, gap="medium"), presets[at : at + CARDS], strict=False):
            key = f"card-{preset.config.network.name}-{preset.name}-{place}"
            with column.container(border=True, height="stretch", key=key):
                card(preset, dataset, place, device)
    start = _default(dataset).replace(device=_asked(device))
    st.button("All settings", icon=":material/tune:", key=f"all-{place}", on_click=_adjust, args=(start, place))


def _settings(place: str) -> None:
    """The form, with the way back to the recipes above it."""
    st.button("Back to the recipes", icon=":material/arrow_back:", key=f"back-{place}", on_click=back, args=(place,))
    config = run_form.form(place, st.session_state["form-start"])
    st.button(
        "Start with these settings",
        icon=":material/play_arrow:",
        type="primary",
        key=f"start-form-{place}",
        disabled=config is None or bool(visitors.refusal()),
        on_click=start,
        args=(config,) if config else (),
    )


def _data(place: str) -> str:
    """The choice of the data set, and why this one is proposed."""
    proposed, why = default_dataset()
    key = f"start-data-{place}"
    if key not in st.session_state:
        st.session_state[key] = proposed
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


def devices_here() -> list[str]:
    """The devices that a machine shows signs of, without torch; the first is the one that a run takes by itself."""
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return [*(["cuda"] if shutil.which("nvidia-smi") else []), *(["mps"] if apple else []), "cpu"]


def _device(place: str) -> str:
    """The choice of the device, where there is one."""
    first, *others = devices_here()
    if not others:
        return first
    key = f"start-device-{place}"
    st.session_state.setdefault(key, first)
    chosen = st.segmented_control(
        "Device",
        [first, *others],
        format_func=DEVICES.__getitem__,
        key=key,
        required=True,
        label_visibility="collapsed",
    )
    return chosen or first


def _asked(device: str) -> str:
    """What a config says of a device: "auto" for the one that is taken by itself, which may turn out not to compute."""
    return "auto" if device == devices_here()[0] else device


def card(preset: Preset, dataset: str, place: str, device: str = "", adjust: bool = True) -> None:
    """A preset: what it promises on this data set and device, or nothing; the buttons that start or adjust it."""
    device = device or devices_here()[0]
    st.markdown(f"**{preset.title}**")
    about = [f"{method_title(preset.config.method.name)}, seed 0."]
    if dataset == preset.config.data.dataset:
        st.markdown(f":gray[{preset.promise}]")
        if seconds := preset.seconds.get(device):
            about.append(f"About {labels.duration(seconds)} {DEVICE_WORDS[device]}.")
        else:
            about.append(f"Not timed {DEVICE_WORDS[device]}.")
    st.caption(" ".join(about))
    with st.container(horizontal=True, gap="small"):
        config = preset.on(dataset).replace(device=_asked(device))
        name = f"{preset.config.network.name}-{preset.name}-{place}"
        offer(config, "Start", f"start-{name}", icon="play_arrow", primary=True)
        if adjust:
            st.button("Adjust", icon=":material/tune:", key=f"adjust-{name}", on_click=_adjust, args=(config, place))


def offer(
    config: RunConfig, label: str, key: str, help: str | None = None, icon: str = "restart_alt", primary: bool = False
) -> None:
    """A button that starts this run; disabled, with the reason, where it cannot be started here."""
    why = why_not(config)
    st.button(
        label,
        icon=f":material/{icon}:",
        type="primary" if primary else "secondary",
        key=key,
        disabled=bool(why),
        help=md(why) if why else help,
        on_click=start,
        args=(config,),
    )


def why_not(config: RunConfig) -> str:
    """Why this run cannot be started here, in a sentence; "" where it can."""
    if why := visitors.refusal():
        return why
    try:
        read_limits().check(config)
    except ConfigError as error:
        return str(error)
    return ""


def _adjust(config: RunConfig, place: str) -> None:
    """Puts a config's values into the form, which then stands where the recipes stood."""
    st.session_state["form-start"] = config
    run_form.fill(place, config)
    st.session_state[f"settings-{place}"] = True


def back(place: str) -> None:
    """Shows the recipes again."""
    st.session_state[f"settings-{place}"] = False


def _default(dataset: str) -> RunConfig:
    """What the form begins with: the first recipe for this data set, else the first network that reads it."""
    for preset in PRESETS.values():
        if fits(preset.config.network.name, dataset):
            return preset.on(dataset)
    return RunConfig.flat(network=next(network for network in SPECS if fits(network, dataset)), dataset=dataset)


def start(*configs: RunConfig) -> None:
    """Starts a worker for each and shows the first one's run from now on; an error is shown where the button is."""
    try:
        visitors.check()
        run_id, *_ = map(launchers.chosen().start, configs)
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
