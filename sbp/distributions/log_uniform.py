"""The prior of the noise: log theta uniform on [a, b], as a torch distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from sbp.distributions import moments
from sbp.distributions.support import check_ends, check_floating, exp_within, floating, log_inside


class LogUniform(Distribution):
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
    has_rsample = True

    def __init__(self, log_low: Tensor | float, log_high: Tensor | float, validate_args: bool | None = None) -> None:
        self.log_low, self.log_high = floating(log_low, log_high)
        check_ends(self.log_low, self.log_high)
        super().__init__(self.log_low.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """[e^a, e^b], as nearly as the dtype has it."""
        low, high = self._precise()
        return constraints.interval(exp_within(low, self.log_low.dtype), exp_within(high, self.log_low.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> LogUniform:
        """The same distribution over a larger batch shape; shares memory with this one."""
        new = self._get_checked_instance(LogUniform, _instance)
        new.log_low, new.log_high = self.log_low.expand(batch_shape), self.log_high.expand(batch_shape)
        super(LogUniform, new).__init__(torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

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

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(theta) = -log theta - log(b - a); -inf outside the support.

        Raises ValueError for a value outside the support while arguments are validated, as torch does by default.
        """
        check_floating(value)
        if self._validate_args:
            self._validate_sample(value)
        low, high = self._precise()
        x, inside, _ = log_inside(value, low, high)
        density = -x - torch.log(high - low)
        density = torch.where(inside, density, torch.full_like(density, -torch.inf))
        return torch.where(value.isnan(), torch.nan, density).to(self.log_low.dtype)

    def cdf(self, value: Tensor) -> Tensor:
        """P(theta <= value) = (log value - a) / (b - a), within [0, 1]; NaN of NaN."""
        check_floating(value)
        low, high = self._precise()
        x, inside, above = log_inside(value, low, high)
        share = (x - low) / (high - low)
        share = torch.where(inside, share, above.to(share.dtype))
        return torch.where(value.isnan(), torch.nan, share).to(self.log_low.dtype)

    def icdf(self, value: Tensor) -> Tensor:
        """The theta with P(theta <= theta) = value: e^(a + (b - a) value); NaN outside [0, 1]."""
        check_floating(value)
        low, high = self._precise()
        u = torch.where((value >= 0) & (value <= 1), value, torch.nan).to(low.dtype)
        # lerp, unlike a + (b - a) u, is exactly b at 1.
        return exp_within(torch.lerp(low, high, u), self.log_low.dtype)

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:
        """Draws theta = e^(a + (b - a) u) with u ~ U(0, 1)."""
        low = self._precise()[0]
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=low.dtype, device=low.device))

    def _precise(self) -> tuple[Tensor, Tensor]:
        """a and b in a type that has e^a: float16 has no number below 6e-8."""
        wide = torch.promote_types(self.log_low.dtype, torch.float32)
        return self.log_low.to(wide), self.log_high.to(wide)
