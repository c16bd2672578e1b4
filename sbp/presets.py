"""Recipes with promised outcomes. The promises are figures measured by this code; the README says on what hardware."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sbp.config import ConfigError, RunConfig


@dataclass(frozen=True)
class Preset:
    """A named recipe: what it shows, what it promises, how long it takes where it was measured."""

    name: str
    title: str
    promise: str
    config: RunConfig
    seconds: dict[str, float]  # by device, as measured


_QUICK = RunConfig(network="lenet-500-300", preset="quick", epochs=30, batch_size=250, lr=2e-3, noise_lr=1e-1)

_ALL = (
    Preset(
        name="quick",
        title="LeNet-500-300 in minutes",
        promise="",
        config=_QUICK,
        seconds={},
    ),
    Preset(
        name="paper",
        title="LeNet-500-300 as in the paper",
        promise="",
        config=RunConfig(
            network="lenet-500-300", preset="paper", epochs=110, batch_size=500, lr=2e-3, noise_lr=3e-2,
            weight_decay=1e-5, validation_size=2000,
        ),
        seconds={},
    ),
    Preset(
        name="paper",
        title="LeNet-5-Caffe as in the paper",
        promise="",
        config=RunConfig(
            network="lenet-5-caffe", preset="paper", method="sbpa", kl_exponent=0.8, epochs=70,
            pretrain_epochs=20, batch_size=500, lr=1e-3, noise_lr=2e-2, weight_decay=1e-4, validation_size=2000,
        ),
        seconds={},
    ),
)

PRESETS: dict[tuple[str, str], Preset] = {(preset.config.network, preset.name): preset for preset in _ALL}


def preset_config(network: str, preset: str, **overrides: Any) -> RunConfig:
    """The config of a preset with some fields changed; the preset is called custom once more than seed, device,
    data set or threads differ.

    Raises `ConfigError` when the network has no such preset, or an override is out of range.

    >>> preset_config("lenet-500-300", "quick", seed=3).preset
    'quick'
    """
    if (network, preset) not in PRESETS:
        names = ", ".join(name for owner, name in PRESETS if owner == network) or "none"
        raise ConfigError(f"Expected a preset of {network} ({names}), got {preset!r}.")
    config = PRESETS[network, preset].config
    if set(overrides) - {"seed", "device", "dataset", "threads"}:
        overrides.setdefault("preset", "custom")
    return config.replace(**overrides)
