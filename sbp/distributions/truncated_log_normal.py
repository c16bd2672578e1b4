"""The posterior of the noise: a log-normal truncated to [e^a, e^b], as a torch distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.distributions import Distribution, constraints
from torch.distributions.utils import broadcast_all

from sbp.distributions import moments, normal_tail


class TruncatedLogNormal(Distribution):
    r"""The distribution of theta = e^x with x ~ N(mu, sigma^2) truncated to [a, b].

    q(theta) = exp(-(log theta - mu)^2 / (2 sigma^2)) / (theta sigma sqrt(2 pi) Z),  e^a <= theta <= e^b,
    Z = Phi((b - mu)/sigma) - Phi((a - mu)/sigma)                                      (eq. 14 of the paper).

    `loc` is mu and `scale` is sigma, in nats; `log_low` and `log_high` are a and b. All broadcast to the batch
    shape. Every quantity is right to 1e-6 relative in float64 and 1e-3 in float32 for mu in [a - 5, b + 5] and
    log sigma in [-8, 5], for any a < b, with finite gradients in `loc` and `scale`; a and b get none. Work is done
    in float64 where the device has it (all but Apple's), and returned in the parameters' dtype.

    Raises ValueError when `scale` is not positive or `log_low` is not below `log_high`.

    Reference: Neklyudov et al., Structured Bayesian Pruning via Log-Normal Multiplicative Noise, NeurIPS 2017.

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
    has_rsample = True

    def __init__(
        self,
        loc: Tensor | float,
        scale: Tensor | float,
        log_low: Tensor | float = -20.0,
        log_high: Tensor | float = 0.0,
        validate_args: bool | None = None,
    ) -> None:
        self.loc, self.scale, self.log_low, self.log_high = broadcast_all(loc, scale, log_low, log_high)
        if bool((self.log_low >= self.log_high).any()):
            raise ValueError(f"Expected log_low < log_high everywhere, got {log_low} and {log_high}.")
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        """[e^a, e^b]."""
        return constraints.interval(self.log_low.exp(), self.log_high.exp())

    def expand(self, batch_shape: Any, _instance: Any = None) -> TruncatedLogNormal:
        """The same distribution over a larger batch shape; shares memory with this one."""
        new = self._get_checked_instance(TruncatedLogNormal, _instance)
        for name in ("loc", "scale", "log_low", "log_high"):
            setattr(new, name, getattr(self, name).expand(batch_shape))
        super(TruncatedLogNormal, new).__init__(torch.Size(batch_shape), validate_args=False)
        return new

    # -- values that are integrals -----------------------------------------------------------------------------------

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

    # -- values at a point -------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Tensor:
        """Where the density of theta is largest: e^clip(mu - sigma^2, a, b)."""
        loc, scale, low, high = self._precise()
        return torch.exp(torch.clip(loc - scale**2, low, high)).to(self.loc.dtype)

    @property
    def median(self) -> Tensor:
        """The theta that half of the mass lies below."""
        return self.icdf(torch.full_like(self.loc, 0.5))

    def log_prob(self, value: Tensor) -> Tensor:
        """log q(theta), in log of 1/theta's unit; -inf outside the support. `value` broadcasts with the batch shape."""
        if self._validate_args:
            self._validate_sample(value)
        x = torch.log(value.to(self._precise()[0].dtype))
        return (moments.log_density_of_log(x, *self._precise()) - x).to(self.loc.dtype)

    def cdf(self, value: Tensor) -> Tensor:
        """P(theta <= value), 0 below the support and 1 above it; differentiable in value, loc and scale."""
        loc, scale, low, high = self._precise()
        x = torch.log(value.to(loc.dtype))
        x, loc, scale, low, high = torch.broadcast_tensors(x, loc, scale, low, high)
        inside = (x > low) & (x < high)
        middle = (low + high) / 2
        fixed = torch.where(inside, x.detach(), middle)
        result = torch.exp(moments.log_cdf_of_log(fixed, loc, scale, low, high))
        if x.requires_grad:
            # The quadrature holds its end points constant; the derivative in x is the density.
            density = torch.exp(moments.log_density_of_log(fixed, loc, scale, low, high)).detach()
            result = result + density * (x - x.detach())
        result = torch.where(inside, result.clamp(max=1), (x >= high).to(result.dtype))
        return result.to(self.loc.dtype)

    def icdf(self, value: Tensor) -> Tensor:
        """The theta with P(theta <= theta) = value, for value in [0, 1] (eq. 18); differentiable in loc and scale."""
        loc, scale, low, high = self._precise()
        u = value.to(loc.dtype)
        return torch.exp(_LogQuantile.apply(u, loc, scale, low, high)).to(self.loc.dtype)

    def rsample(self, sample_shape: Any = torch.Size()) -> Tensor:
        """Draws theta with a live gradient in loc and scale by inverting the CDF (eq. 18), never clipping the uniform."""
        loc, scale, low, high = self._precise()
        u = torch.rand(self._extended_shape(sample_shape), dtype=loc.dtype, device=loc.device)
        return torch.exp(_LogQuantile.apply(_open(u), loc, scale, low, high)).to(self.loc.dtype)

    def _precise(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        dtype = torch.float32 if self.loc.device.type == "mps" else torch.float64
        return self.loc.to(dtype), self.scale.to(dtype), self.log_low.to(dtype), self.log_high.to(dtype)


def sample_log_theta(
    loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, objects: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draws x = log theta of shape [objects, units] from parameters of shape [units], in their own dtype.

    The training loop's sampler: the same inverse CDF as `rsample`, but float32 stays float32.
    """
    u = torch.rand(objects, *loc.shape, dtype=loc.dtype, device=loc.device, generator=generator)
    return _LogQuantile.apply(_open(u), loc, scale, low, high)


def _open(u: Tensor) -> Tensor:
    """Moves the one value 0 that torch.rand can give inside (0, 1): the quantile there is the end of the support."""
    return u.clamp_(min=torch.finfo(u.dtype).eps / 8)


class _LogQuantile(Function):
    """x(u) with P(log theta <= x) = u, and its derivatives in mu and sigma at fixed u.

    With the nearer end e of [a, b] and the sign pointing inwards, x = e + sign sigma t, t in [0, w], h = |outward
    distance of mu from e| / sigma (negative when mu is inside), w = (b - a)/sigma:
        dx/dmu = -dt/dh,    dx/dsigma = sign (t - h dt/dh - w dt/dw).
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        from_top = loc > (low + high) / 2
        h = torch.where(from_top, loc - high, low - loc) / scale
        w = (high - low) / scale
        survival = torch.where(from_top, u, 1 - u)
        if u.device.type == "mps":  # no special functions there: the quantile is solved on the CPU
            parts = (q.cpu() for q in (survival, 1 - survival, h, w))
            t = normal_tail.inverse(*parts).to(u.device)
        else:
            t = normal_tail.inverse(survival, 1 - survival, h, w)
        x = torch.where(from_top, high - scale * t, low + scale * t)
        ctx.save_for_backward(t, survival, h, w, from_top)
        return torch.minimum(torch.maximum(x, low), high)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        t, survival, h, w, from_top = ctx.saved_tensors
        dh, dw = normal_tail.inverse_gradient(t, survival, 1 - survival, h, w)
        sign = torch.where(from_top, -1.0, 1.0).to(t.dtype)
        by_loc = (-grad * dh).sum_to_size(h.shape)
        by_scale = (grad * (t - h * dh - w * dw)).sum_to_size(h.shape) * sign
        return None, by_loc, by_scale, None, None
