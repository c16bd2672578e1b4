"""The prior of the noise: log theta uniform on [a, b], as a torch distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from sbp.distributions import moments
from sbp.distributions.support import check_ends, floating, log_inside


class LogUniform(Distribution):
    """The distribution of theta = e^x with x ~ U(a, b): p(theta) = 1 / (theta (b - a)) on [e^a, e^b] (eq. 14).

    `log_low` and `log_high` are a and b, in nats; they broadcast to the batch shape. With L = b - a:
    E[theta] = (e^b - e^a) / L, SNR = 1 / sqrt((L/2) coth(L/2) - 1), entropy = log L + (a + b)/2.
    Raises ValueError when a and b are not finite with a < b.

    >>> p = LogUniform(torch.tensor(-20.0), torch.tensor(0.0))
    >>> round(p.mean.item(), 4), round(p.snr.item(), 4)
    (0.05, 0.3333)
    """

    arg_constraints: dict[str, Any] = {"log_low": constraints.dependent, "log_high": constraints.dependent}
    has_rsample = True

    def __init__(self, log_low: Tensor | float, log_high: Tensor | float, validate_args: bool | None = None) -> None:
        self.log_low, self.log_high = floating(log_low, log_high)
        check_ends(self.log_low, self.log_high)
        super().__init__(self.log_low.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """[e^a, e^b]."""
        return constraints.interval(self.log_low.exp(), self.log_high.exp())

    def expand(self, batch_shape: Any, _instance: Any = None) -> LogUniform:
        """The same distribution over a larger batch shape; shares memory with this one."""
        new = self._get_checked_instance(LogUniform, _instance)
        new.log_low, new.log_high = self.log_low.expand(batch_shape), self.log_high.expand(batch_shape)
        super(LogUniform, new).__init__(torch.Size(batch_shape), validate_args=False)
        return new

    @property
    def mean(self) -> Tensor:
        """E[theta] = e^b (1 - e^-L) / L."""
        length = self.log_high - self.log_low
        return torch.exp(self.log_high) * -torch.expm1(-length) / length

    @property
    def snr(self) -> Tensor:
        """E[theta] / sqrt(Var[theta]), a function of L = b - a alone: what a unit that knows nothing has."""
        return moments.snr_of_log_uniform(self.log_high - self.log_low)

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
        return torch.log(self.log_high - self.log_low) + (self.log_low + self.log_high) / 2

    @property
    def mode(self) -> Tensor:
        """e^a: the density 1/theta falls from there."""
        return torch.exp(self.log_low)

    @property
    def median(self) -> Tensor:
        """e^((a + b)/2)."""
        return torch.exp((self.log_low + self.log_high) / 2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(theta) = -log theta - log(b - a); -inf outside the support.

        Raises ValueError for a value outside the support while arguments are validated, as torch does by default.
        """
        if self._validate_args:
            self._validate_sample(value)
        x, inside, _ = log_inside(value, self.log_low, self.log_high)
        density = -x - torch.log(self.log_high - self.log_low)
        return torch.where(inside, density, torch.full_like(density, -torch.inf))

    def cdf(self, value: Tensor) -> Tensor:
        """P(theta <= value) = (log value - a) / (b - a), within [0, 1]."""
        x, inside, above = log_inside(value, self.log_low, self.log_high)
        share = (x - self.log_low) / (self.log_high - self.log_low)
        return torch.where(inside, share, above.to(share.dtype))

    def icdf(self, value: Tensor) -> Tensor:
        """The theta with P(theta <= theta) = value: e^(a + (b - a) value)."""
        # lerp, unlike a + (b - a) u, is exactly b at 1.
        return torch.exp(torch.lerp(self.log_low, self.log_high, value.to(self.log_low.dtype)))

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:
        """Draws theta = e^(a + (b - a) u) with u ~ U(0, 1)."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.log_low.dtype, device=self.log_low.device))
