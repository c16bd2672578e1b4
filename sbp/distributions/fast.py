"""The two things that training does at every step, in the parameters' own dtype and with written-out gradients.

Both equal the plain forms in `truncated_log_normal` and `moments` (a test holds them together); they are apart because
a step draws theta for every object and unit, some 400,000 numbers, and every pass over those counts.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from sbp.distributions import normal_tail
from sbp.distributions.moments import NODES, REACH, _legendre

# From here on theta is drawn in the logarithm of the tail. In float32 the plain inverse keeps five digits up to h = 10
# (Q(10) = 8e-24 is an ordinary float32), and beyond that R(z) is its asymptotic series.
FAR = {torch.float64: normal_tail.FAR, torch.float32: 10.0}


def sample_theta(
    loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, objects: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draws theta of shape [objects, units] from loc and scale of shape [units]; low, high: a, b, scalars or [units].

    theta = exp(mu + sigma Phi^-1(Phi(alpha) + Z u)), u ~ U(0, 1) (eq. 18), measured from the end of [a, b] nearer to
    the mode. Differentiable in loc and scale. Apple's devices have no inverse of Phi: there u is inverted on the CPU.

    >>> sample_theta(torch.zeros(3), torch.ones(3), torch.tensor(-20.0), torch.tensor(0.0), objects=5).shape
    torch.Size([5, 3])
    """
    u = torch.rand(objects, len(loc), dtype=loc.dtype, device=loc.device, generator=generator)
    # torch.rand can give exactly 0, whose quantile is the far end of the support.
    u.clamp_(min=torch.finfo(u.dtype).eps / 8)
    if u.device.type == "mps":
        theta: Tensor = _Theta.apply(u.cpu(), loc.cpu(), scale.cpu(), low.cpu(), high.cpu())
        return theta.to(loc.device)
    return _Theta.apply(u, loc, scale, low, high)


def kl_of_units(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """KL(q || p) of each unit in nats, [units], for the sum in the objective; gradients right to relative rounding.

    With g(s) the log density relative to its mode and averages over q:
    KL = E[g] - log mass + log(b - a),   dKL/dmu = Cov(g, s) / sigma^2,   dKL/dsigma = -2 Var(g) / sigma.
    Where q is nearly the prior the value carries an absolute rounding error of about 1e-6 in float32, which a sum does
    not feel; `moments.kl_to_log_uniform` is right to relative rounding there too.
    """
    return _KL.apply(loc, scale, low, high)


class _Theta(Function):
    """theta(u) and its derivatives in mu and sigma at fixed u; notation of `normal_tail`.

    With v = u, G = t (t/2 + h) and eps = exp(-w (w/2 + h)):
        dt/dh = e^G (eps + u (1 - eps)) - 1,    dt/dw = e^G eps (1 - u),
        dx/dmu = -dt/dh,                        dx/dsigma = sign (t - h dt/dh - w dt/dw).
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        from_top = loc > (low + high) / 2
        sign = torch.where(from_top, -1.0, 1.0).to(loc.dtype)
        h = torch.where(from_top, loc - high, low - loc) / scale
        w = (high - low) / scale
        # ndtri(p) counts downwards from the far end, so mu + sigma ndtri(p) runs towards the nearer one.
        p = torch.addcmul(normal_tail.upper(h + w), u, normal_tail.interval_mass(h, w))
        x = torch.addcmul(loc, torch.special.ndtri(p), -sign * scale)
        far = (h >= FAR[h.dtype]).nonzero().squeeze(1)
        if len(far):
            end = torch.where(from_top, high, low)[far]
            t = _inverse_far(u[:, far], h[far], w[far])
            x[:, far] = torch.addcmul(end, torch.minimum(t, w[far]), (sign * scale)[far])
        x = torch.minimum(torch.maximum(x, low, out=x), high, out=x)
        theta = torch.exp(x)
        ctx.save_for_backward(u, x, theta, h, w, sign, scale, torch.where(from_top, high, low), far)
        return theta

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        u, x, theta, h, w, sign, scale, end, far = ctx.saved_tensors
        grad = grad * theta
        t = (x - end).mul_(sign / scale)
        shrink = torch.exp(-w * (w / 2 + h))
        rise = torch.exp(t * torch.add(h, t, alpha=0.5))
        by_w = rise * (1 - u)
        dh = by_w * shrink
        dh.addcmul_(rise, u).sub_(1)
        if len(far):
            dh[:, far] = _far_gradient(t[:, far], u[:, far], h[far], w[far])
        # [3, units]: sums over objects of grad times dt/dh, t, and dt/dw without its factor eps.
        sum_dh, sum_t, sum_w = ((grad * part).sum(0) for part in (dh, t, by_w))
        # w * eps is 0 where eps underflows, and there the sum beside it may not be finite.
        by_far_end = torch.where(shrink > 0, w * shrink * sum_w, torch.zeros_like(w))
        return None, -sum_dh, sign * (sum_t - h * sum_dh - by_far_end), None, None


def _inverse_far(u: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """`normal_tail.inverse` for far units: [objects, units] from u [objects, units], h and w [units]."""
    if h.dtype == torch.float64:
        return normal_tail._inverse_far(u, 1 - u, h.expand_as(u), w.expand_as(u))
    cut = w * (w / 2 + h) + _log_mills_drop(h, w)
    energy = normal_tail.tail_energy(u, 1 - u, cut)
    t = 2 * energy / (h + torch.sqrt(torch.addcmul(2 * energy, h, h)))
    for _ in range(2):
        z = h + t
        excess = t * torch.add(h, t, alpha=0.5) + _log_mills_drop(h, t) - energy
        t = (t - excess / (z + 1 / z)).clamp_(min=0)
    return t


def _far_gradient(t: Tensor, u: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """dt/dh of far units, about -t/h, as expm1 of a sum of small logarithms."""
    if h.dtype == torch.float64:
        return normal_tail.inverse_gradient(t, u, 1 - u, h, w)[0]
    drop_at_end, shrink = _log_mills_drop(h, w), torch.exp(-w * (w / 2 + h))
    rest = -shrink * torch.expm1(-drop_at_end) * (1 - u) / (u + shrink * torch.exp(-drop_at_end) * (1 - u))
    return torch.expm1(torch.log1p(rest) - _log_mills_drop(h, t))


def _log_mills_drop(h: Tensor, t: Tensor) -> Tensor:
    """log R(h) - log R(h + t) for h >= 10 from R(z) = (1 - y + 3 y^2 - 15 y^3 + ...) / z with y = 1/z^2."""
    return torch.log1p(t / h) + _log_series(h) - _log_series(h + t)


def _log_series(z: Tensor) -> Tensor:
    y = 1 / (z * z)
    return -y * (1 - y * (2.5 - 37 / 3 * y))


class _KL(Function):
    @staticmethod
    def forward(ctx: Any, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        dtype = str(loc.dtype).removeprefix("torch.")
        reach = REACH[dtype]
        t, weights = _legendre(NODES[dtype], torch, loc)
        mode = torch.clip(loc, low, high)
        offset = (mode - loc).abs()
        around = 2 * reach * scale**2
        width = around / (offset + torch.sqrt(offset**2 + around))
        start = torch.maximum(low - mode, -width)
        half = (torch.minimum(high - mode, width) - start) / 2
        s = torch.addcmul(start[:, None], half[:, None], 1 + t)
        z = s / scale[:, None]
        g = -z * torch.add(((mode - loc) / scale)[:, None], z, alpha=0.5)
        density = torch.exp(g)
        mass = density @ weights
        mean_g = (density * g) @ weights / mass
        deviation = g - mean_g[:, None]
        density *= deviation
        by_loc = (density * s) @ weights / mass / scale**2
        by_scale = -2 * ((density * deviation) @ weights) / mass / scale
        ctx.save_for_backward(by_loc, by_scale)
        return mean_g - torch.log(half * mass) + torch.log(high - low)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        by_loc, by_scale = ctx.saved_tensors
        return grad * by_loc, grad * by_scale, None, None
