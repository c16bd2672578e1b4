"""The noise that units or weights are multiplied by, and where it starts."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.errors import ConfigError
from sbp.spec.section import Section, setting

# A unit is kept while its SNR is at least this: below it, it looks like the prior (section 4.4).
SNR_THRESHOLD = 1.0
# mu may leave [a, b] by this much and log sigma may move in this range: where every formula is tested, and wide
# enough that its ends make no difference (at log sigma = 5 a unit on [-20, 0] is the prior to four digits).
LOC_MARGIN = 5.0
LOG_SCALE_RANGE = (-8.0, 5.0)
# Of a and b: far wider than any interval that means anything, and every formula is finite still.
FAR = 100.0
# What one theta of a unit is drawn for.
EXAMPLE, MINIBATCH, ELEMENT = "example", "minibatch", "element"
THETA_PER = (EXAMPLE, MINIBATCH, ELEMENT)


class NoiseConfig(Section):
    """The interval [a, b] of log theta, mu and log sigma before the first step, and how often theta is drawn.

    >>> NoiseConfig(log_low=-10).log_high
    0.0
    """

    section: ClassVar[str] = "noise"

    log_low: float = setting(-20.0, "a, the lower end of log theta.", "nats", ge=-FAR, le=FAR)
    log_high: float = setting(
        0.0, "b, the upper end of log theta; at 0 the noise never amplifies.", "nats", ge=-FAR, le=FAR
    )
    init_loc: float = setting(0.0, "mu of every unit at initialisation.", "nats")
    init_log_scale: float = setting(-5.0, "log sigma of every unit at initialisation.", "log nats")
    theta_per: str = setting(
        EXAMPLE,
        "What theta is drawn for: each example, the minibatch as a whole, or each element, so that every place of a "
        "channel's map has a theta of its own.",
        choices=THETA_PER,
    )

    @model_validator(mode="after")
    def _check_interval(self) -> Any:
        if not self.log_low < self.log_high:
            raise ConfigError(
                f"log_low, log_high (noise.log_low, noise.log_high): expected a < b, got a = {self.log_low!r}, "
                f"b = {self.log_high!r}; the paper uses a = -20, b = 0."
            )
        if not self.log_low - LOC_MARGIN <= self.init_loc <= self.log_high + LOC_MARGIN:
            raise self.wrong("init_loc", f"expected mu within {LOC_MARGIN:g} of [a, b], got {self.init_loc!r}.")
        low, high = LOG_SCALE_RANGE
        if not low <= self.init_log_scale <= high:
            raise self.wrong("init_log_scale", f"expected log sigma in [{low:g}, {high:g}], got {self.init_log_scale}.")
        return self
