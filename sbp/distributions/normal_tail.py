"""The upper tail of the standard normal on an interval [h, h + w], and its inverse. The only place Phi is touched.

Q(z) = 1 - Phi(z); R(z) = Q(z) / phi(z) is Mills' ratio. Intervals come mirrored so that h >= -w/2: the end at h is
the one nearer to the mode, and everything is measured from it.

Phi(beta) - Phi(alpha), the form in the paper, is 0 - 0 or 1 - 1 in float64 once the interval lies 9 to 38 sigma from
the mode; a uniform clipped to [1e-5, 1 - 1e-5] then gives one constant sample without a gradient. Here the far tail
(h >= FAR) is solved in the logarithm of Q instead, where nothing underflows.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

FAR = 5.0
# Terms of the continued fraction, Gauss-Legendre points and Newton steps that reach each dtype's rounding at z >= FAR.
FRACTION_TERMS = {torch.float64: 24, torch.float32: 7}
GAUSS_POINTS = {torch.float64: 8, torch.float32: 3}
NEWTON_STEPS = {torch.float64: 3, torch.float32: 2}


def upper(z: Tensor) -> Tensor:
    """Q(z) = 1 - Phi(z), by erfc: torch.special.ndtr is 0 below -6 in float32 and right to 2 % only at -8 in float64."""
    return torch.erfc(z * math.sqrt(0.5)) / 2


def interval_mass(h: Tensor, w: Tensor) -> Tensor:
    """Q(h) - Q(h + w) for h >= -w/2: two positive error functions when the mode is inside, two small tails otherwise."""
    root = math.sqrt(0.5)
    inside = (torch.erf((h + w) * root) + torch.erf(-h * root)) / 2
    return torch.where(h < 0, inside, upper(h) - upper(h + w))


def log_mills_drop(h: Tensor, t: Tensor) -> Tensor:
    """log R(h) - log R(h + t), for h >= FAR and t >= 0, right to relative rounding however small it is.

    d log R / dz = -kappa(z) with kappa = 1/(z + 2/(z + 3/(z + ...))), so the drop is the integral of kappa over
    [h, h + t]; written as a difference of two logarithms it would have no digit left where t is small.
    """
    nodes, weights = _legendre(GAUSS_POINTS[h.dtype], h)
    # In u = log z the integrand kappa(e^u) e^u is nearly 1, so few points do for any t.
    span = torch.log1p(t / h)
    z = h[..., None] * torch.exp(span[..., None] * (1 + nodes) / 2)
    return span / 2 * (weights * z * _kappa(z)).sum(-1)


def inverse(v: Tensor, complement: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """The t in [0, w] with P(T > t) = v, where h + T is standard normal on [h, h + w] and h >= -w/2.

    v and complement = 1 - v are given separately because either may be tiny. Shapes broadcast.
    """
    v, complement, h, w = torch.broadcast_tensors(v, complement, h, w)
    from_right = upper(h + w) + v * interval_mass(h, w)
    from_left = upper(-h) + complement * interval_mass(h, w)
    # For h <= 0 either end may be the far one: the smaller probability keeps its digits.
    use_left = (h <= 0) & (from_left < from_right)
    z = torch.special.ndtri(torch.where(use_left, from_left, from_right))
    t = torch.where(use_left, z, -z) - h
    far = h >= FAR
    if bool(far.any()):
        t = t.masked_scatter(far, _inverse_far(v[far], complement[far], h[far], w[far]))
    return torch.minimum(t.clamp(min=0), w)


def _inverse_far(v: Tensor, complement: Tensor, h: Tensor, w: Tensor) -> Tensor:
    """`inverse` for h >= FAR (one-dimensional), by Newton's method on t^2/2 + h t + log R(h) - log R(h + t) = E.

    E = -log P(T' > t) for the tail that is not cut at w. The derivative is the hazard 1/R(h + t) = h + t + kappa.
    """
    cut = w * (w / 2 + h) + log_mills_drop(h, w)  # E at the far end
    energy = tail_energy(v, complement, cut)
    t = 2 * energy / (h + torch.sqrt(h * h + 2 * energy))
    for _ in range(NEWTON_STEPS[h.dtype]):
        excess = t * (t / 2 + h) + log_mills_drop(h, t) - energy
        t = (t - excess / (h + t + _kappa(h + t))).clamp(min=0)
    return t


def tail_energy(v: Tensor, complement: Tensor, cut: Tensor) -> Tensor:
    """E = -log(v + (1 - v) e^-cut), in whichever of two forms keeps its digits: 1 - v is exactly 1 for a tiny v."""
    small = -torch.log(torch.where(v < 0.5, v + complement * torch.exp(-cut), torch.ones_like(v)))
    large = -torch.log1p(torch.where(v < 0.5, torch.zeros_like(v), complement) * torch.expm1(-cut))
    return small + large


def inverse_gradient(t: Tensor, v: Tensor, complement: Tensor, h: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """dt/dh and dt/dw of `inverse`, from differentiating Q(h + t) = v Q(h) + (1 - v) Q(h + w).

    dt/dh = v phi(h)/phi(h+t) + (1-v) phi(h+w)/phi(h+t) - 1,   dt/dw = (1-v) phi(h+w)/phi(h+t).
    In the far tail dt/dh is about -t/h: there it is expm1 of a sum of small logarithms.
    """
    near_end = torch.exp(t * (t / 2 + h))  # phi(h)/phi(h+t)
    far_end = complement * torch.exp(-(w - t) * ((w + t) / 2 + h))
    dh = v * near_end + far_end - 1
    far = (h >= FAR).expand_as(dh)
    if bool(far.any()):
        v, complement, t, h, w = (q.expand_as(dh)[far] for q in (v, complement, t, h, w))
        beyond = complement * torch.exp(-w * (w / 2 + h))
        drop = log_mills_drop(h, w)
        rest = -beyond * torch.expm1(-drop) / (v + beyond * torch.exp(-drop))
        dh = dh.masked_scatter(far, torch.expm1(torch.log1p(rest) - log_mills_drop(h, t)))
    return dh, far_end


def _kappa(z: Tensor) -> Tensor:
    """1/R(z) - z for z >= FAR, by its continued fraction."""
    value = torch.zeros_like(z)
    for k in range(FRACTION_TERMS[z.dtype], 0, -1):
        value = k / (z + value)
    return value


def _legendre(n: int, like: Tensor) -> tuple[Tensor, Tensor]:
    from sbp.distributions.moments import _legendre_numpy

    nodes, weights = _legendre_numpy(n)
    return like.new_tensor(nodes), like.new_tensor(weights)
