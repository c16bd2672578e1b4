"""The noise that units or weights are multiplied by, and where it starts."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.errors import ConfigError
from sbp.spec.section import Section, setting


class NoiseConfig(Section):
    """The interval [a, b] of log theta, and mu and log sigma before the first step.

    >>> NoiseConfig(log_low=-10).log_high
    0.0
    """

    section: ClassVar[str] = "noise"

    log_low: float = setting(-20.0, "a, the lower end of log theta.", "nats")
    log_high: float = setting(0.0, "b, the upper end of log theta; at 0 the noise never amplifies.", "nats")
    init_loc: float = setting(0.0, "mu of every unit at initialisation.", "nats")
    init_log_scale: float = setting(-5.0, "log sigma of every unit at initialisation.", "log nats")

    @model_validator(mode="after")
    def _check_interval(self) -> Any:
        if not self.log_low < self.log_high:
            raise ConfigError(
                f"log_low, log_high (noise.log_low, noise.log_high): expected a < b, got a = {self.log_low!r}, "
                f"b = {self.log_high!r}; the paper uses a = -20, b = 0."
            )
        if not self.log_low - 5 <= self.init_loc <= self.log_high + 5:
            raise self.wrong("init_loc", f"expected mu within 5 of [a, b], got {self.init_loc!r}.")
        if not -8 <= self.init_log_scale <= 5:
            raise self.wrong("init_log_scale", f"expected log sigma in [-8, 5], got {self.init_log_scale!r}.")
        return self
