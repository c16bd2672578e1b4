"""The upper tail of the standard normal, Q(z) = 1 - Phi(z), and what the sampler needs of it.

The only place where Phi is touched. R(z) = Q(z) / phi(z) is Mills' ratio, kappa(z) = 1/R(z) - z.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sbp.distributions.moments import legendre

FAR = 5.0  # from here on, the series in 1/z below reach the rounding of their dtype

FRACTION_TERMS = 24  # of the continued fraction, for 1e-16 at z = FAR
GAUSS_POINTS = 8

# log(z R(z)) as a polynomial in 1/z^2 without a constant, for float32: least squares on z >= FAR, error 5e-7.
LOG_MILLS = (-0.99998688, 2.49299344, -11.47039631, 48.15695362)

# z / (1 - 2 Q(z)) as a rational function of w = -log(4 Q (1 - Q)), for float32: fitted to a relative error of 4e-8 on
# |z| <= 8.6 (w <= 38). It is even in z and smooth through z = 0; all coefficients are positive, so nothing cancels.
QUANTILE_ABOVE = (1.25331409, 0.459661718, 0.0964878357, 0.013761957, 0.00132146594, 8.04497804e-05, 5.50081194e-07)
QUANTILE_BELOW = (1.0, 0.104956619, 0.0364808482, 0.00268982981, 0.000301424241, 6.42926097e-06, 9.85040448e-09)


def upper(z: Tensor) -> Tensor:
    """Q(z) by erfc, right to relative rounding in both tails; torch.special.ndtr is 1 + erf, with no digit left at 5.

    >>> upper(torch.tensor(8.0)).item()  # doctest: +ELLIPSIS
    6.22...e-16
    """
    if z.device.type == "mps":  # no erfc there; this runs once for each unit, not for each sample
        return upper(z.cpu()).to(z.device)
    return torch.erfc(z * math.sqrt(0.5)) / 2


def interval_mass(h: Tensor, w: Tensor) -> Tensor:
    """Q(h) - Q(h + w) for h >= -w/2: two positive error functions if the mode is inside, else two small tails."""
    inside = (torch.erf((h + w) * math.sqrt(0.5)) + torch.erf(-h * math.sqrt(0.5))) / 2
    return torch.where(h < 0, inside, upper(h) - upper(h + w))


def quantile(below: Tensor, above: Tensor) -> Tensor:
    """The z with Phi(z) = below and Q(z) = above = 1 - below; each is given with its own digits, as either may be tiny.

    >>> quantile(torch.tensor(1 - 1e-7), torch.tensor(1e-7)).item()  # doctest: +ELLIPSIS
    5.199...
    """
    if below.dtype == torch.float64:
        left = below < above
        z = torch.special.ndtri(torch.where(left, below, above))
        return torch.where(left, z, -z)
    # A fifth of ndtri's time, which is most of a training step's noise.
    log = torch.mul(below, above).mul_(4).clamp_(1e-37, 1).log_().neg_()
    return (below - above).mul_(_polynomial(QUANTILE_ABOVE, log)).div_(_polynomial(QUANTILE_BELOW, log))


def hazard_excess(z: Tensor) -> Tensor:
    """kappa(z) = 1/R(z) - z for z >= FAR, by its continued fraction 1/(z + 2/(z + 3/(z + ...)))."""
    value = torch.zeros_like(z)
    for k in range(FRACTION_TERMS, 0, -1):
        value = k / (z + value)
    return value


def log_mills_drop(h: Tensor, t: Tensor) -> Tensor:
    """log R(h) - log R(h + t) for h >= FAR and t >= 0, right to relative rounding however small it is.

    (Up to t = 4 h; beyond, where only a w can be and e^(-w^2/2) is nothing, to 1e-6.)
    d log R / dz = -kappa(z), so the drop is the integral of kappa over [h, h + t]; as a difference of two logarithms
    it would have no digit left where t is small. In float32, log R = -log z + a series whose own difference may round.
    """
    if h.dtype == torch.float64:
        nodes, weights = legendre(GAUSS_POINTS, torch, h)
        # In u = log z the integrand kappa(e^u) e^u is nearly 1, so few points do for any t.
        span = torch.log1p(t / h)
        z = h[..., None] * torch.exp(span[..., None] * (1 + nodes) / 2)
        return span / 2 * (weights * z * hazard_excess(z)).sum(-1)
    here, there = h**-2, torch.add(h, t).pow_(-2)
    return torch.log1p(t / h) + _polynomial((0.0, *LOG_MILLS), here) - _polynomial((0.0, *LOG_MILLS), there)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Horner's scheme; lowest power first."""
    *rest, second, last = coefficients
    value = (x * last).add_(second)
    for c in reversed(rest):
        value.mul_(x).add_(c)
    return value
