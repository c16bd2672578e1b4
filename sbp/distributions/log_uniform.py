"""The prior of the noise: log theta uniform on [a, b], as a torch distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from sbp.distributions import moments
from sbp.distributions.on_interval import OnInterval
from sbp.distributions.support import check_ends, exp_within, floating


class LogUniform(OnInterval):
    """The distribution of theta = e^x with x ~ U(a, b): the prior of the noise.

        p(theta) = 1 / (theta (b - a)),   e^a <= theta <= e^b

    With L = b - a: E[theta] = (e^b - e^a) / L, SNR = 1 / sqrt((L/2) coth(L/2) - 1), entropy = log L + (a + b)/2.

    Args:
        log_low: a, the lower end of log theta, in nats. Both ends broadcast to the batch shape.
        log_high: b, the upper end of log theta, in nats.
        validate_args: as for any torch distribution; None follows torch's default.

    Raises:
        ValueError: a and b are not finite with a < b.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 14.

    >>> p = LogUniform(torch.tensor(-20.0), torch.tensor(0.0))
    >>> round(p.mean.item(), 4), round(p.snr.item(), 4)
    (0.05, 0.3333)
    """

    arg_constraints: dict[str, Any] = {"log_low": constraints.dependent, "log_high": constraints.dependent}

    def __init__(self, log_low: Tensor | float, log_high: Tensor | float, validate_args: bool | None = None) -> None:
        self.log_low, self.log_high = floating(log_low, log_high)
        check_ends(self.log_low, self.log_high)
        super().__init__(self.log_low.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """E[theta] = e^b (1 - e^-L) / L."""
        low, high = self._precise()
        return (torch.exp(high) * -torch.expm1(low - high) / (high - low)).to(self.log_low.dtype)

    @property
    def snr(self) -> Tensor:
        """E[theta] / sqrt(Var[theta]), a function of L = b - a alone: what a unit that knows nothing has."""
        low, high = self._precise()
        return moments.snr_of_log_uniform(high - low).to(self.log_low.dtype)

    @property
    def stddev(self) -> Tensor:
        """sqrt(Var[theta]) = E[theta] / SNR."""
        return self.mean / self.snr

    @property
    def variance(self) -> Tensor:
        """Var[theta]."""
        return self.stddev**2

    def entropy(self) -> Tensor:
        """H[theta] = log(b - a) + (a + b)/2, in nats."""
        low, high = self._precise()
        return (torch.log(high - low) + (low + high) / 2).to(self.log_low.dtype)

    @property
    def mode(self) -> Tensor:
        """e^a: the density 1/theta falls from there."""
        return exp_within(self._precise()[0], self.log_low.dtype)

    @property
    def median(self) -> Tensor:
        """e^((a + b)/2)."""
        low, high = self._precise()
        return exp_within((low + high) / 2, self.log_low.dtype)

    def _log_density(self, x: Tensor) -> Tensor:
        low, high = self._precise()
        return -torch.log(high - low)

    def _probability(self, x: Tensor) -> Tensor:
        low, high = self._precise()
        return (x - low) / (high - low)

    def _theta(self, u: Tensor) -> Tensor:
        # lerp, unlike a + (b - a) u, is exactly b at 1.
        return exp_within(torch.lerp(*self._precise(), u), self.log_low.dtype)

    def _precise(self) -> tuple[Tensor, Tensor]:
        """a and b in a type that has e^a: float16 has no number below 6e-8."""
        wide = torch.promote_types(self.log_low.dtype, torch.float32)
        return self.log_low.to(wide), self.log_high.to(wide)
