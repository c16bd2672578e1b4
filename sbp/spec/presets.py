"""Recipes with promised outcomes, measured by this code; docs/measured.md says on what hardware."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sbp.spec import ConfigError, RunConfig

# What may differ from a preset's values without its becoming another recipe.
FREE = frozenset({"seed", "device", "dataset", "threads"})


@dataclass(frozen=True)
class Preset:
    """A named recipe for a data set, mostly MNIST: what it shows, what it reached there, how long that took.

    error_percent, reduction: the most test error on 10,000 images and the least MACs of dense / MACs that it has come
    to, whatever seed and machine. outcome: its result in a sentence, where these do not tell it. seconds: of training,
    by device. digits: what differs on scikit-learn's digits, whose 1,150 training images make few steps an epoch and
    weigh little against the KL.
    """

    name: str
    title: str
    config: RunConfig
    error_percent: float
    reduction: float
    seconds: Mapping[str, float]
    digits: Mapping[str, Any] = field(default_factory=dict)
    outcome: str = ""

    @property
    def promise(self) -> str:
        """What it reaches on its own data set, in a sentence."""
        return self.outcome or (
            f"At most {self.error_percent:g} % test error with {self.reduction:g}× fewer MACs or more."
        )

    def on(self, dataset: str) -> RunConfig:
        """The recipe for a data set."""
        return self.config.replace(dataset=dataset, **(self.digits if dataset == "digits" else {}))


_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
# What several recipes share, by name; each value is of one field.
PARTS: Mapping[str, Mapping[str, Any]] = _TABLE["parts"]


def recipe(preset: str, parts: Mapping[str, Mapping[str, Any]], of: Sequence[str], own: Mapping[str, Any]) -> RunConfig:
    """The config of parts by name and of values of its own, which come last: later values replace earlier ones.

    >>> recipe("mine", PARTS, ["vgg", "vgg-sbp"], {"epochs": 3}).schedule.epochs
    3
    """
    values: dict[str, Any] = {"preset": preset}
    for part in (*(parts[name] for name in of), own):
        values |= part
    return RunConfig.flat(**values)


def _preset(told: dict[str, Any]) -> Preset:
    config = recipe(told["name"], PARTS, told.pop("of", ()), told.pop("own", {}))
    return Preset(config=config, **told)


PRESETS: dict[tuple[str, str], Preset] = {
    (preset.config.network.name, preset.name): preset for preset in (_preset(told) for told in _TABLE["presets"])
}


def preset_config(network: str, preset: str, **overrides: Any) -> RunConfig:
    """The config of a preset, on the data set that the overrides name (else MNIST), with some fields changed; it is
    called custom once more than seed, device, data set or threads differ.

    Raises `ConfigError` when the network has no such preset, or an override is out of range.

    >>> preset_config("lenet-500-300", "quick", seed=3).preset
    'quick'
    """
    if (network, preset) not in PRESETS:
        names = ", ".join(name for owner, name in PRESETS if owner == network) or "none"
        raise ConfigError(f"Expected a preset of {network} ({names}), got {preset!r}.")
    found = PRESETS[network, preset]
    if set(overrides) - FREE:
        overrides.setdefault("preset", "custom")
    return found.on(overrides.get("dataset", found.config.data.dataset)).replace(**overrides)
