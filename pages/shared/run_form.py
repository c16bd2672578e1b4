"""The full form of a run, made from the fields of `RunConfig`: their help, their unit, their own complaints.

A field added to `RunConfig` shows up here by itself, in the last group.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from sbp.runs.limits import read_limits
from sbp.spec import ConfigError, RunConfig, run_fields
from sbp.spec.method import method_title
from sbp.spec.presets import FREE, PRESETS
from sbp.viz import labels

GROUPS: dict[str, tuple[str, ...]] = {
    "Run": ("network", "dataset", "method", "device", "epochs", "batch_size", "lr", "noise_lr", "seed"),
    "Noise": ("log_low", "log_high", "init_loc", "init_log_scale", "theta_per", "kl_weights", "kl_exponent"),
}
HIDDEN = ("preset",)  # follows from the values
# Titles of fields; that of any other is its name.
LABELS = {
    "dataset": "Data set",
    "lr": "Learning rate of weights",
    "noise_lr": "Learning rate of noise",
    "log_low": "a",
    "log_high": "b",
    "init_loc": "Initial mu",
    "init_log_scale": "Initial log sigma",
    "theta_per": "One theta for each",
    "kl_weights": "KL weights",
    "kl_exponent": "KL exponent",
    "pretrain_epochs": "Epochs before the noise",
    "widths": "Hidden widths",
    "train_size": "Training examples",
    "validation_size": "Held-out examples",
    "threads": "CPU threads",
    "kl_warmup": "KL warm-up",
    "finetune_epochs": "Fine-tuning epochs",
    "finetune_lr": "Learning rate then",
    "average_decay": "Averaging decay",
    "augment": "Flip and shift",
    "hold_norm": "Freeze batch statistics",
    "pretrain_lr": "Learning rate before",
    "pretrain_decay": "Weight decay before",
    "pretrain_dropout": "Dropout before",
    "recalibrate_norm": "Recalibrate batch statistics",
    "pixels": "Noise on every pixel",
}
TITLES: dict[str, Callable[[str], str]] = {
    "network": lambda name: labels.NETWORK.get(name, name),
    "dataset": lambda name: labels.DATASET.get(name, name),
    "method": method_title,
}
COLUMNS = 4


def groups() -> dict[str, tuple[str, ...]]:
    """The names of all fields by the heading that they stand under."""
    grouped = {name for names in GROUPS.values() for name in names}
    return {**GROUPS, "More": tuple(name for name in run_fields() if name not in (*HIDDEN, *grouped))}


def form(place: str, start: RunConfig) -> RunConfig | None:
    """Shows every field with its value from the session, else from `start`; the config, or None while it is not valid.

    What is wrong is said under the very control that it is about.
    """
    below, values, complaints = {}, {}, {}
    for title, names in groups().items():
        st.markdown(f"**{title}**")
        for at in range(0, len(names), COLUMNS):
            for column, name in zip(st.columns(COLUMNS, gap="medium"), names[at : at + COLUMNS], strict=False):
                with column:
                    raw = _control(place, name, start.value(name))
                    below[name] = st.empty()
                try:
                    values[name] = read(name, raw)
                except ConfigError as error:
                    complaints[name] = str(error)
    config = None
    if not complaints:
        try:
            asked = named(RunConfig.flat(**values))
            read_limits().check(asked)
            config = asked
        except ConfigError as error:
            complaints[subject(str(error))] = str(error)
    for name, complaint in complaints.items():
        below.get(name, st).error(complaint, icon=":material/error:")
    return config


def fill(place: str, config: RunConfig) -> None:
    """Puts the values of a config into the form, which has not been drawn yet in this run of the page."""
    for name in (name for names in groups().values() for name in names):
        st.session_state[_key(place, name)] = _shown(config.value(name))


def read(name: str, raw: Any) -> Any:
    """A control's value as the field wants it; raises `ConfigError` where a list of numbers does not parse.

    >>> read("widths", "500, 300")
    (500.0, 300.0)
    """
    if isinstance(run_fields()[name].default, tuple):
        try:
            return tuple(float(part) for part in str(raw or "").replace(";", ",").split(",") if part.strip())
        except ValueError:
            raise ConfigError(f"{name}: expected numbers with commas between them, got {raw!r}.") from None
    if raw is None:
        raise ConfigError(f"{name}: expected a number, got nothing.")
    return raw


def named(config: RunConfig) -> RunConfig:
    """The config with the name of the preset it equals up to seed, device, data and threads; else `custom`."""
    for (network, name), preset in PRESETS.items():
        if network != config.network.name:
            continue
        same = {key: config.value(key) for key in FREE}
        if preset.on(config.data.dataset).replace(**same) == config.replace(preset=preset.config.preset):
            return config.replace(preset=name)
    return config.replace(preset="custom")


def subject(message: str) -> str:
    """The field that a complaint of `RunConfig` is about: its sentences begin with the name.

    >>> subject("log_low, log_high (noise.log_low, noise.log_high): expected a < b, got a = 1, b = 0.")
    'log_low'
    """
    name = re.split(r"[:, ]", message, maxsplit=1)[0]
    return name if name in run_fields() else ""


def _control(place: str, name: str, value: Any) -> Any:
    unit, key = run_fields()[name].unit, _key(place, name)
    title = LABELS.get(name, name.replace("_", " ").capitalize())
    label = f"{title}, {unit}" if unit and unit not in title.lower() else title
    common: dict[str, Any] = {"key": key, "help": f"{run_fields()[name].help} (`{name}`)"}
    st.session_state.setdefault(key, _shown(value))
    if choices := run_fields()[name].choices:
        return st.selectbox(label, choices, format_func=TITLES.get(name, str), **common)
    if isinstance(value, bool):
        return st.toggle(label, **common)
    if isinstance(value, int):
        return st.number_input(label, step=1, **common)
    if isinstance(value, float):
        return st.number_input(label, step=_step(name), format="%g", **common)
    return st.text_input(label, placeholder="the network's own", **common)


def _step(name: str) -> float:
    return {"lr": 1e-3, "noise_lr": 1e-2, "weight_decay": 1e-4, "kl_exponent": 0.1}.get(name, 0.5)


def _shown(value: Any) -> Any:
    return ", ".join(f"{v:g}" for v in value) if isinstance(value, tuple) else value


def _key(place: str, name: str) -> str:
    return f"form-{place}-{name}"
