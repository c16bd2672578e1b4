"""The quantile of the truncated normal and its derivatives: what a sample is made of (eq. 18).

In units of sigma and mirrored, so that the end nearer to the mode comes first, the interval is [h, h + w] with
h >= -w/2, and a sample is h + t with P(T > t) = v. Phi^-1(Phi(alpha) + Z y) as printed is 0 - 0 or 1 - 1 once the
interval lies 9 to 38 sigma from the mode. Three regimes share the work; which one holds is decided for each unit:

    flat   (|h| + w) w < 1/2     the density hardly varies: Newton's method on t -> integral of e^(-g) over [0, t]
    far    h >= FAR, not flat    an exponential tail: Newton's method on the logarithm of Q
    near   all else              the quantile of the normal itself

with g(s) = s (s/2 + h), the logarithm by which the density has fallen at distance s from the end. The regimes return
an *offset*: t from the near end where flat or far; z = h + t from the mode where near.

A regime is made once for the h and w [units] of a call and then serves blocks of v and c = 1 - v [n, units], which
are given separately because either may be tiny.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions import moments
from sbp.distributions.normal_tail import FAR, hazard_excess, interval_mass, log_mills_drop, quantile, upper

FLAT = 0.5
# Gauss-Legendre points for e^(-g) in the flat regime, and Newton steps there and in the far tail.
FLAT_POINTS = {torch.float64: 6, torch.float32: 3}
FLAT_STEPS = {torch.float64: 4, torch.float32: 2}
FAR_STEPS = {torch.float64: 4, torch.float32: 1}
TINY = 1e-37

# Numbers handled at once on the CPU, so that temporaries stay in its cache and are not handed back to the system.
BLOCK = 100_000


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
        nodes, weights = np.polynomial.legendre.leggauss(FLAT_POINTS[h.dtype])
        self.nodes = list(zip(((1 + nodes) / 2).tolist(), (weights / 2).tolist(), strict=True))
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


class Units:
    """The regime of each unit, made from h and w [units].

    The first regime that occurs runs over all units, with harmless parameters where it does not hold; on the CPU the
    others run on their gathered columns. Elsewhere a gather would make the host wait and forbid CUDA graphs: there
    every regime runs over all units, and `where` picks.

    >>> units = Units(h=torch.tensor([-10.0, 30.0]), w=torch.tensor([20.0, 1.0]))
    >>> v = torch.tensor([[0.5, 0.5]])
    >>> [round(x, 5) for x in units.offset(v, 1 - v)[0].tolist()]
    [0.0, 0.02307]
    """

    def __init__(self, h: Tensor, w: Tensor, gather: bool | None = None) -> None:
        gather = h.device.type == "cpu" if gather is None else gather
        self.parts: list[tuple[Near | Far | Flat, Tensor, Tensor | None]] = []
        for regime in (Near, Far, Flat):
            mask = regime.holds(h, w)
            if gather and not bool(mask.any()):
                continue
            if gather and self.parts:
                columns = mask.nonzero()[:, 0]
                self.parts.append((regime(h[columns], w[columns]), mask, columns))
            else:
                safe = (torch.where(mask, q, x) for q, x in zip((h, w), regime.harmless, strict=True))
                self.parts.append((regime(*safe), mask, None))

    def offset(self, v: Tensor, c: Tensor) -> Tensor:
        """The offset of the sample with P(T > t) = v, of v's shape."""
        return self._each("offset", v, c)[0]

    def gradient(self, at: Tensor, v: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """At that offset and fixed v: dt/dh, and t - h dt/dh - w dt/dw, which is d(sigma t)/d sigma."""
        return self._each("gradient", at, v, c)

    def _each(self, what: str, *rows: Tensor) -> tuple[Tensor, ...]:
        result: tuple[Tensor, ...] = ()
        for regime, mask, columns in self.parts:
            seen = rows if columns is None else tuple(x.index_select(1, columns) for x in rows)
            values = getattr(regime, what)(*seen)
            values = values if isinstance(values, tuple) else (values,)
            if columns is not None:
                result = tuple(x.index_copy_(1, columns, y) for x, y in zip(result, values, strict=True))
            else:
                result = tuple(y.where(mask, x) for x, y in zip(result, values, strict=True)) if result else values
        return result


class LogQuantile(Function):
    """x(u) with P(log theta <= x) = u, differentiable in u, mu and sigma.

    With the nearer end e of [a, b] and s = 1 where that is b, -1 where it is a:  x = e - s sigma t = mu - s sigma z,
    h = s (mu - e)/sigma, w = (b - a)/sigma, v = u or 1 - u:
        dx/dmu = -dt/dh,    dx/dsigma = -s (t - h dt/dh - w dt/dw),    dx/du = 1 / density.
    """

    @staticmethod
    def forward(ctx: Any, u: Tensor, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """u, mu, sigma, a and b broadcast together; all of one floating dtype."""
        ctx.shapes = (u.shape, loc.shape, scale.shape)
        loc, scale, low, high = torch.broadcast_tensors(loc, scale, low, high)
        shape = torch.broadcast_shapes(u.shape, loc.shape)
        if u.shape[u.dim() - loc.dim() :] != loc.shape:  # u repeats along a unit axis: then each value is a unit
            u, loc, scale, low, high = torch.broadcast_tensors(u, loc, scale, low, high)
        ctx.unit_shape = loc.shape
        loc, scale, low, high = (q.reshape(-1) for q in (loc, scale, low, high))
        u = u.reshape(-1, len(loc))
        from_top = loc > (low + high) / 2
        sign = torch.where(from_top, 1.0, -1.0).to(loc.dtype)
        end = torch.where(from_top, high, low)
        h, w = sign * (loc - end) / scale, (high - low) / scale
        ctx.units = Units(h, w)
        origin, step = torch.where(Near.holds(h, w), loc, end), -sign * scale
        at, x = torch.empty_like(u), torch.empty_like(u)
        for rows in _blocks(u):
            at[rows] = ctx.units.offset(*_mirrored(u[rows], sign))
            torch.mul(at[rows], step, out=x[rows]).add_(origin).clamp_(low, high)
        parameters = (x.clone(), loc, scale, low, high) if ctx.needs_input_grad[0] else ()
        ctx.save_for_backward(at, u, sign, *parameters)
        return x.reshape(shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Sums over the rows as it goes: nothing of u's size is kept."""
        at, u, sign, *parameters = ctx.saved_tensors
        grad = grads[0].reshape(at.shape)
        by_loc, by_scale = torch.zeros_like(sign), torch.zeros_like(sign)
        for rows in _blocks(u):
            by_h, by_sigma = ctx.units.gradient(at[rows], *_mirrored(u[rows], sign))
            by_loc -= by_h.mul_(grad[rows]).sum(0)
            by_scale -= by_sigma.mul_(grad[rows]).sum(0).mul_(sign)
        by_u = None
        if parameters:
            by_u = grad * torch.exp(-moments.log_density_of_log(*(q.expand_as(at) for q in parameters)))
            by_u = by_u.reshape(grads[0].shape).sum_to_size(ctx.shapes[0])
        by_loc, by_scale = (
            q.reshape(ctx.unit_shape).sum_to_size(shape)
            for q, shape in zip((by_loc, by_scale), ctx.shapes[1:], strict=True)
        )
        return by_u, by_loc, by_scale, None, None


def _mirrored(u: Tensor, sign: Tensor) -> tuple[Tensor, Tensor]:
    """v, c: u and 1 - u seen from the top end, 1 - u and u from the bottom."""
    return (u * sign).add_((1 - sign) / 2), (u * -sign).add_((1 + sign) / 2)


def _blocks(u: Tensor) -> list[slice]:
    """Row slices of u [n, units]; all rows at once on an accelerator."""
    n, units = u.shape
    rows = max(1, BLOCK // max(1, units)) if u.device.type == "cpu" else max(1, n)
    return [slice(start, start + rows) for start in range(0, n, rows)]
