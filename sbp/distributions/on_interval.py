"""What both distributions of theta have in common: a support [e^a, e^b], and a density and a quantile of log theta."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from sbp.distributions.support import check_floating, exp_within, log_inside


class OnInterval(Distribution):
    """A distribution of theta = e^x with x on [a, b].

    A subclass has its parameters, those of `arg_constraints` with log_low and log_high (a and b) among them, in one
    dtype, which is that of all results; and says of x, in the wider type of `_precise`, what three methods here ask.
    """

    log_low: Tensor
    log_high: Tensor
    has_rsample = True

    def _precise(self) -> tuple[Tensor, ...]:
        """The parameters in the type that is computed in, a and b last."""
        raise NotImplementedError

    def _log_density(self, x: Tensor) -> Tensor:
        """The logarithm of the density of x, at places within [a, b]."""
        raise NotImplementedError

    def _probability(self, x: Tensor) -> Tensor:
        """P(log theta <= x), at places within [a, b]."""
        raise NotImplementedError

    def _theta(self, u: Tensor) -> Tensor:
        """The theta with P(theta' <= theta) = u, for u in [0, 1]."""
        raise NotImplementedError

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """[e^a, e^b], as nearly as the dtype has it."""
        low, high = self._precise()[-2:]
        return constraints.interval(exp_within(low, self.log_low.dtype), exp_within(high, self.log_low.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution over a larger batch shape; shares memory with this one."""
        new = self._get_checked_instance(type(self), _instance)
        for name in self.arg_constraints:
            setattr(new, name, getattr(self, name).expand(batch_shape))
        Distribution.__init__(new, torch.Size(batch_shape), validate_args=False)
        new._validate_args = self._validate_args
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density of theta, in log of 1/theta's unit; -inf outside the support. `value` broadcasts with the
        batch shape.

        Raises ValueError for a value outside the support while arguments are validated, as torch does by default.
        """
        check_floating(value)
        if self._validate_args:
            self._validate_sample(value)
        x, inside, _ = log_inside(value, *self._precise()[-2:])
        density = self._log_density(x) - x
        density = torch.where(inside, density, torch.full_like(density, -torch.inf))
        return torch.where(value.isnan(), torch.nan, density).to(self.log_low.dtype)

    def cdf(self, value: Tensor) -> Tensor:
        """P(theta <= value), 0 below the support and 1 above it, NaN of NaN; differentiable in all but a and b."""
        check_floating(value)
        x, inside, above = log_inside(value, *self._precise()[-2:])
        probability = torch.where(inside, self._probability(x), above.to(x.dtype))
        return torch.where(value.isnan(), torch.nan, probability).to(self.log_low.dtype)

    def icdf(self, value: Tensor) -> Tensor:
        """The theta with P(theta' <= theta) = value, NaN outside [0, 1]; differentiable in all but a and b."""
        check_floating(value)
        within = (value >= 0) & (value <= 1)
        theta = self._theta(torch.where(within, value, 0.5).to(self._precise()[0].dtype))
        return torch.where(within, theta, torch.nan)

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:
        """Draws theta by inverting the CDF, with a live gradient in all but a and b.

        Two draws are the same number only where the dtype has no number between them: of a truncated log-normal at
        log sigma = -5 and mu 10 beyond an end, for instance, theta varies by 5e-6 of itself, which is 40 steps of a
        float32.
        """
        like = self._precise()[0]
        u = torch.rand(self._extended_shape(sample_shape), dtype=like.dtype, device=like.device)
        return self._theta(inside_of_unit(u))


def inside_of_unit(u: Tensor) -> Tensor:
    """Moves the one value 0 that torch.rand can give inside (0, 1): the quantile there is the end of the support."""
    return u.clamp_(min=torch.finfo(u.dtype).eps / 8)
