"""The posterior of the noise: a log-normal truncated to [e^a, e^b], as a torch distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints
from torch.nn.functional import logsigmoid

from sbp.distributions import moments
from sbp.distributions.on_interval import OnInterval, inside_of_unit
from sbp.distributions.quantile import LogQuantile
from sbp.distributions.support import check_ends, exp_within, floating


class TruncatedLogNormal(OnInterval):
    r"""The distribution of theta = e^x with x ~ N(mu, sigma^2) truncated to [a, b]: the noise of a unit.

        q(theta) = exp(-(log theta - mu)^2 / (2 sigma^2)) / (theta sigma sqrt(2 pi) Z),   e^a <= theta <= e^b
        Z = Phi((b - mu) / sigma) - Phi((a - mu) / sigma)

    Every quantity is right to 1e-6 relative in float64 and 1e-3 in float32 for mu in [a - 5, b + 5] and log sigma in
    [-8, 5], for any a < b, with finite gradients in `loc` and `scale`; a and b get none. Computed in float64 where the
    device has it (all but Apple's) and returned in the parameters' dtype. In float32 an E[theta] below e^-87 loses
    digits and below e^-103 is 0 (in float16 from e^-10 and e^-17 on); a theta is then the smallest positive number of
    the dtype.

    Args:
        loc: mu, in nats. This and the next three broadcast to the batch shape.
        scale: sigma > 0, in nats.
        log_low: a, the lower end of log theta, in nats.
        log_high: b, the upper end of log theta, in nats.
        validate_args: as for any torch distribution; None follows torch's default.

    Raises:
        ValueError: `scale` is not positive, or a and b are not finite with a < b.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 14; mean eq. 20, SNR Appendix D, sampling eq. 18.

    >>> q = TruncatedLogNormal(torch.tensor(0.0), torch.tensor(1.0))
    >>> round(q.mean.item(), 4), round(q.snr.item(), 4)
    (0.5232, 2.0924)
    """

    # Python 3.11's typing of torch declares these as read-only mappings; the values are constants.
    arg_constraints: dict[str, Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "log_low": constraints.dependent,
        "log_high": constraints.dependent,
    }

    def __init__(
        self,
        loc: Tensor | float,
        scale: Tensor | float,
        log_low: Tensor | float = -20.0,
        log_high: Tensor | float = 0.0,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale, self.log_low, self.log_high = floating(loc, scale, log_low, log_high)
        check_ends(self.log_low, self.log_high)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """E[theta] (eq. 20)."""
        return torch.exp(moments.log_mean(*self._precise())).to(self.loc.dtype)

    @property
    def snr(self) -> Tensor:
        """E[theta] / sqrt(Var[theta]), the signal-to-noise ratio (Appendix D; eq. 19 has a misplaced root)."""
        return torch.exp(moments.log_snr(*self._precise())).to(self.loc.dtype)

    @property
    def stddev(self) -> Tensor:
        """sqrt(Var[theta]) = E[theta] / SNR."""
        parameters = self._precise()
        return torch.exp(moments.log_mean(*parameters) - moments.log_snr(*parameters)).to(self.loc.dtype)

    @property
    def variance(self) -> Tensor:
        """Var[theta]."""
        parameters = self._precise()
        return torch.exp(2 * (moments.log_mean(*parameters) - moments.log_snr(*parameters))).to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """H[theta] = H[log theta] + E[log theta], in nats."""
        parameters = self._precise()
        value = moments.entropy_of_log(*parameters) + moments.mean_of_log(*parameters)
        return value.to(self.loc.dtype)

    @property
    def mode(self) -> Tensor:
        """Where the density of theta is largest: e^clip(mu - sigma^2, a, b)."""
        loc, scale, low, high = self._precise()
        return torch.exp(torch.clip(loc - scale**2, low, high)).to(self.loc.dtype)

    @property
    def median(self) -> Tensor:
        """The theta that half of the mass lies below."""
        return self.icdf(torch.full_like(self.loc, 0.5))

    def _log_density(self, x: Tensor) -> Tensor:
        return moments.log_density_of_log(x, *self._precise())

    def _probability(self, x: Tensor) -> Tensor:
        x, *parameters = torch.broadcast_tensors(x, *self._precise())
        low, high = parameters[2:]
        strictly = (low < x) & (x < high)
        at = torch.where(strictly, x, (low + high) / 2)
        odds = moments.log_odds_of_log(at.detach(), *parameters)
        if at.requires_grad:  # the quadrature holds its end points constant; d odds / dx = density / (F (1 - F))
            log_density = moments.log_density_of_log(at, *parameters)
            slope = torch.exp(log_density - logsigmoid(odds) - logsigmoid(-odds)).detach()
            odds = odds + slope * (at - at.detach())
        return torch.where(strictly, torch.exp(logsigmoid(odds)), (x >= high).to(odds.dtype))

    def _theta(self, u: Tensor) -> Tensor:
        return exp_within(LogQuantile.apply(u, *self._precise()), self.loc.dtype)

    def _precise(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        dtype = torch.float32 if self.loc.device.type == "mps" else torch.float64
        ends = self.log_low.detach(), self.log_high.detach()
        return self.loc.to(dtype), self.scale.to(dtype), ends[0].to(dtype), ends[1].to(dtype)


def sample_log_theta(
    loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, examples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draws x = log theta of shape [examples, units] from parameters of shape [units], in their own dtype.

    The training loop's sampler: the same inverse CDF as `rsample`, but float32 stays float32.
    """
    u = torch.rand(examples, *loc.shape, dtype=loc.dtype, device=loc.device, generator=generator)
    return LogQuantile.apply(inside_of_unit(u), loc, scale, low, high)
