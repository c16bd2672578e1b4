"""The configuration of a run: one frozen, validated, JSON-able object of a few sections.

The form of the app, the command line and the worker all speak of a run through this class, and the help text of every
control is the field's own sentence.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from sbp.spec.checks import (
    check_dataset,
    check_fine_tuning,
    check_kl_weights,
    check_method,
    check_pixels,
    check_pretraining,
    check_shrinking,
    check_theta,
)
from sbp.spec.data import DataConfig
from sbp.spec.errors import ConfigError
from sbp.spec.fields import SECTIONS, find_field, run_fields
from sbp.spec.method import MethodConfig, SBPConfig
from sbp.spec.network import NetworkConfig
from sbp.spec.networks import OWN
from sbp.spec.noise import NoiseConfig
from sbp.spec.optimisation import OptimisationConfig
from sbp.spec.reading import method_config, sorted_values
from sbp.spec.schedule import ScheduleConfig
from sbp.spec.section import Section, setting

DEVICES = ("auto", "cpu", "cuda", "mps")


class RunConfig(Section):
    """Describes one training run completely: same config, same versions, same device, same result.

    Every field has a dotted name (`optimisation.lr`) and a flat one (`lr`), which no other field has; `flat`,
    `replace` and `from_dict` take either.

    Raises:
        ConfigError: a value is out of range; the sentence names the field.

    >>> config = RunConfig.flat(network="lenet-500-300", epochs=3)
    >>> config.schedule.epochs, config.network.name
    (3, 'lenet-500-300')
    >>> RunConfig.from_json(config.to_json()) == config
    True
    """

    network: NetworkConfig = Field(default=NetworkConfig())
    data: DataConfig = Field(default=DataConfig())
    method: SerializeAsAny[MethodConfig] = Field(default=SBPConfig())
    noise: NoiseConfig = Field(default=NoiseConfig())
    optimisation: OptimisationConfig = Field(default=OptimisationConfig())
    schedule: ScheduleConfig = Field(default=ScheduleConfig())
    seed: int = setting(0, "Decides the initial weights, the order of examples and every draw of theta.", ge=0)
    device: str = setting(
        "auto", "Where it is trained; auto takes the first of cuda, mps, cpu that works.", choices=DEVICES
    )
    threads: int = setting(0, "CPU threads of the training; 0 leaves it to the machine.", "threads", ge=0)
    preset: str = setting("custom", "The name of the recipe these values came from.")

    @field_validator("method", mode="before")
    @classmethod
    def _choose_method(cls, value: Any) -> Any:
        return method_config(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _check_sections_together(self) -> Any:
        check_dataset(self.network, self.data)
        check_kl_weights(self.network, self.method)
        check_method(self.network, self.method)
        check_pixels(self.network, self.method)
        check_shrinking(self.schedule, self.method)
        check_fine_tuning(self.schedule, self.method)
        check_pretraining(self.optimisation, self.schedule, self.network, self.method)
        check_theta(self.noise, self.network, self.method, self.optimisation.compiled)
        return self

    @classmethod
    def flat(cls, **values: Any) -> RunConfig:
        """A config from fields by their flat names; the rest at their defaults.

        Raises:
            ConfigError: a field does not exist, is out of range, or is a setting of another method.

        >>> RunConfig.flat(method="sbpa", kl_exponent=0.8, lr=1e-3).method
        SBPaConfig(name='sbpa', kl_weights=(), kl_exponent=0.8)
        """
        return cls().replace(**values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunConfig:
        """A config from sections, flat or dotted names, as a file or a caller has them.

        A file of before has the settings of all methods; those that its method does not use are left out.

        Raises:
            ConfigError: a field does not exist or is out of range.

        >>> RunConfig.from_dict({"lr": 0.1}) == RunConfig.from_dict({"optimisation": {"lr": 0.1}})
        True
        """
        return cls()._changed(values, lenient=True)

    @classmethod
    def from_json(cls, text: str) -> RunConfig:
        """Reads what `to_json` wrote, today or before; raises `ConfigError` on anything else."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"Expected a run's config as JSON, got text that does not parse: {error}.") from None
        if not isinstance(values, dict):
            raise ConfigError(f"Expected a JSON object with the fields of a run, got {type(values).__name__}.")
        return cls.from_dict(values)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed, by flat names, dotted ones (`**{"optimisation.lr": 0.1}`) or whole sections.

        Another method takes along the settings that it has too.

        >>> RunConfig().replace(seed=1, lr=0.1).optimisation.lr
        0.1
        """
        return self._changed(changes, lenient=False)

    def to_dict(self) -> dict[str, Any]:
        """The sections and their fields as plain values."""
        return self.model_dump()

    def to_json(self) -> str:
        """The config as JSON text, section by section, with every field written out."""
        return json.dumps(self.to_dict(), indent=2)

    def to_flat(self) -> dict[str, Any]:
        """Every field by its flat name; the settings that the method does not have stand at their defaults.

        >>> RunConfig().to_flat()["dropout"]
        0.5
        """
        return {name: self.value(name) for name in run_fields()}

    def value(self, name: str) -> Any:
        """A field's value by its flat or dotted name; the default where it is a setting of another method.

        Raises:
            KeyError: there is no such field.

        >>> RunConfig().value("lr"), RunConfig().value("schedule.epochs")
        (0.002, 30)
        """
        field = find_field(name)
        if field is None:
            raise KeyError(f"{name}: a run has {', '.join(run_fields())}.")
        holder = getattr(self, field.section) if field.section else self
        return getattr(holder, field.own_name, field.default)

    @property
    def tracked(self) -> bool:
        """Whether a training loop that is not ours wrote the run: its folder alone describes network and data."""
        return self.network.name == OWN

    @property
    def has_noise(self) -> bool:
        """Whether every unit has a mu and a log sigma, so that its story can be told."""
        return self.method.has_noise

    def _changed(self, changes: dict[str, Any], lenient: bool) -> RunConfig:
        top: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        for section, values in sorted_values(changes, self.method.name, lenient).items():
            if section == "":
                top |= values
            elif section == "method":
                top[section] = method_config(values, self.method.model_dump(exclude={"name"}))
            else:
                top[section] = SECTIONS[section](**{**top[section].model_dump(), **values})
        return RunConfig(**top)
