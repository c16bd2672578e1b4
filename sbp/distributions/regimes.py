"""The quantile of the truncated standard normal, in three regimes; in units of sigma, and mirrored.

The interval is [h, h + w] with h >= -w/2, so that the end nearer to the mode comes first, and a sample is h + t with
P(T > t) = v. Phi^-1(Phi(alpha) + Z y) as printed is 0 - 0 or 1 - 1 once the interval lies 9 to 38 sigma from the mode.

    Flat   (|h| + w) w < 1/2     the density hardly varies: Newton's method on t -> integral of e^(-g) over [0, t]
    Far    h >= FAR, not flat    an exponential tail: Newton's method on the logarithm of Q
    Near   all else              the quantile of the normal itself

with g(s) = s (s/2 + h), the logarithm by which the density has fallen at distance s from the end. Each returns an
*offset*: t from the near end where Flat or Far; z = h + t from the mode where Near; and its derivatives at fixed v:
dt/dh, and t - h dt/dh - w dt/dw, which is d(sigma t)/d sigma.

A regime is made once for the h and w [units] of a call and then serves blocks of v and c = 1 - v [n, units], which
are given separately because either may be tiny.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sbp.distributions.normal_tail import FAR, hazard_excess, interval_mass, log_mills_drop, quantile, upper

FLAT = 0.5
# Gauss-Legendre points for e^(-g) in the flat regime, and Newton steps there and in the far tail.
FLAT_POINTS = {torch.float64: 6, torch.float32: 3}
FLAT_NODES = {  # on [0, 1], made here: a compiler that traces the regimes cannot trace how
    dtype: list(zip(((1 + nodes) / 2).tolist(), (weights / 2).tolist(), strict=True))
    for dtype, (nodes, weights) in ((d, np.polynomial.legendre.leggauss(n)) for d, n in FLAT_POINTS.items())
}
FLAT_STEPS = {torch.float64: 4, torch.float32: 2}
FAR_STEPS = {torch.float64: 4, torch.float32: 1}
TINY = 1e-37


class Near:
    """z = h + t is a quantile of the normal: Q(z) = v Q(h) + c Q(k), k = h + w."""

    harmless = (0.0, 2.0)  # an h and a w of this regime, for units of the others

    def __init__(self, h: Tensor, w: Tensor) -> None:
        self.h, self.w, self.k = h, w, h + w
        self.below, self.above, self.mass = upper(-h), upper(self.k), interval_mass(h, w)
        self.half_square = h * h / 2
        self.fall = torch.exp(-w * (w / 2 + h))  # phi(k) / phi(h)

    @staticmethod
    def holds(h: Tensor, w: Tensor) -> Tensor:
        """Everywhere but in the other two; so NaN parameters end up here, and come out as NaN."""
        return ~(h >= FAR) & ~Flat.holds(h, w)

    def offset(self, v: Tensor, c: Tensor) -> Tensor:
        """z, between h and k."""
        z = quantile((c * self.mass).add_(self.below), (v * self.mass).add_(self.above))
        return z.clamp_(self.h, self.k)

    def gradient(self, z: Tensor, v: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """By dz/dh = v phi(h)/phi(z) and dz/dk = c phi(k)/phi(z)."""
        # phi(h)/phi(z): below e^80 wherever v is not 0, and e^-80 is 0 here; beyond, exp is slow and inf * 0 is NaN.
        rise = (z * z).div_(2).sub_(self.half_square).clamp_(-80, 80).exp_()
        by_k = c * self.fall
        by_ends = torch.add(by_k, v).mul_(rise)
        by_sigma = z - by_ends * self.h
        by_sigma.sub_(by_k.mul_(rise).mul_(self.w))
        return by_ends.sub_(1), by_sigma


class Far:
    """The mode lies FAR sigma or more outside: t solves g(t) + log R(h) - log R(h + t) = E, R being Mills' ratio.

    E = -log P(T' > t) for the tail that is not cut at w; the derivative of the left side is the hazard 1/R(h + t).
    """

    harmless = (6.0, 1.0)

    def __init__(self, h: Tensor, w: Tensor) -> None:
        self.h, self.w, self.zero = h, w, torch.zeros_like(w)
        drop = log_mills_drop(h, w)
        self.cut = w * (w / 2 + h) + drop  # E at the far end
        self.beyond = torch.exp(-self.cut)
        excess = hazard_excess(h)
        self.hazard = h + excess
        self.growth = 2 * (1 - excess / self.hazard)  # near twice the slope of the hazard at h
        self.fall = torch.exp(-w * (w / 2 + h))  # phi(k) / phi(h)
        self.rest = -self.fall * torch.expm1(-drop)

    @staticmethod
    def holds(h: Tensor, w: Tensor) -> Tensor:
        """Where the mode is far out and the density falls by more than Flat allows."""
        return (h >= FAR) & ~Flat.holds(h, w)

    def offset(self, v: Tensor, c: Tensor) -> Tensor:
        """t, by Newton's method from a start that is right to the third order in t."""
        energy = (c * self.beyond).add_(v).log_().neg_()
        if v.dtype == torch.float64:  # torch.rand's u has 1 - u exactly; here a tiny c of any origin keeps its digits
            energy = torch.where(v < 0.5, energy, -torch.log1p(c * torch.expm1(-self.cut)))
        energy.clamp_(max=self.cut)  # v = 0, where beyond is 0 too
        t = (energy * self.growth).add_(self.hazard * self.hazard).sqrt_().add_(self.hazard).reciprocal_()
        t.mul_(energy).mul_(2)
        for _ in range(FAR_STEPS[v.dtype]):
            missing = (t / 2).add_(self.h).mul_(t).add_(log_mills_drop(self.h, t)).sub_(energy)
            z = t + self.h
            t.sub_(missing.div_((z * z).add_(2).reciprocal_().add_(1).mul_(z)))  # hazard: z + 1/(z + 2/(z + ...))
        return t.clamp_(self.zero, self.w)

    def gradient(self, t: Tensor, v: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """dt/dh = v phi(h)/phi(h+t) + c phi(k)/phi(h+t) - 1 is about -t/h: expm1 of a sum of small logarithms."""
        left = (c * self.beyond).add_(v).clamp_(min=TINY)
        by_h = (c * self.rest).div_(left).log1p_().sub_(log_mills_drop(self.h, t)).expm1_()
        by_k = (t / 2).add_(self.h).mul_(t).clamp_(max=80).exp_().mul_(c).mul_(self.fall * self.w)
        return by_h, (t - by_h * self.h).sub_(by_k)


class Flat:
    """The density falls by less than e^(-1/2) over the whole interval: t is nearly c w, and solves M(t) = c M(w).

    M(t) is the integral of e^(-g) over [0, t]. The quantile of the normal has too few digits here: h and h + w are
    nearly the same number to it.
    """

    harmless = (0.0, 0.5)

    def __init__(self, h: Tensor, w: Tensor) -> None:
        self.h, self.w, self.zero = h, w, torch.zeros_like(w)
        self.nodes = FLAT_NODES[h.dtype]
        self.mass = self._mass(w)

    @staticmethod
    def holds(h: Tensor, w: Tensor) -> Tensor:
        """Where g stays below 1/2."""
        return (h.abs() + w) * w < FLAT

    def offset(self, v: Tensor, c: Tensor) -> Tensor:
        """t, by Newton's method from c w."""
        t, target = c * self.w, c * self.mass
        for _ in range(FLAT_STEPS[v.dtype]):
            t.sub_(self._mass(t).sub_(target).mul_((t / 2).add_(self.h).mul_(t).exp_()))
        return t.clamp_(self.zero, self.w)

    def gradient(self, t: Tensor, v: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """From differentiating v M[1; 0, t] = c M[1; t, w], where M[f; p, q] = integral of f e^(-g) over [p, q].

        dt/dh = e^g(t) (v M[s - t; 0, t] - c M[s - t; t, w]),
        d(sigma t)/d sigma = -2 e^g(t) (v M[g - g(t); 0, t] - c M[g - g(t); t, w]):
        with the value at t subtracted under the integrals, terms of one sign add up.
        """
        by_h, by_sigma = torch.zeros_like(t), torch.zeros_like(t)
        for share, length in ((v, -t), (c, self.w - t)):
            for node, weight in self.nodes:
                beyond = length * node  # s - t
                s = t + beyond
                part = (s / -2).sub_(self.h).mul_(s).exp_().mul_(share).mul_(length).mul_(beyond).mul_(weight)
                by_h.sub_(part)
                by_sigma.add_(part.mul_((s + t).add_(2 * self.h)))
        rise = (t / 2).add_(self.h).mul_(t).exp_()
        return by_h.mul_(rise), by_sigma.mul_(rise)

    def _mass(self, t: Tensor) -> Tensor:
        mean = torch.zeros_like(t)
        for node, weight in self.nodes:
            s = t * node
            mean.add_((s / -2).sub_(self.h).mul_(s).exp_(), alpha=weight)
        return mean.mul_(t)
