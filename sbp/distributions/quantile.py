"""The quantile of log theta and its derivatives: what a sample is made of (eq. 18)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions import moments
from sbp.distributions.regimes import Far, Flat, Near

# Numbers handled at once on the CPU, so that temporaries stay in its cache and are not handed back to the system.
BLOCK = 100_000


class RegimeTable:
    """The regime of each unit, made from h and w [units].

    The first regime that occurs runs over all units, with harmless parameters where it does not hold; on the CPU the
    others run on their gathered columns. Elsewhere a gather would make the host wait and forbid CUDA graphs: there
    every regime runs over all units, and `where` picks.

    >>> units = RegimeTable(h=torch.tensor([-10.0, 30.0]), w=torch.tensor([20.0, 1.0]))
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
        u = u.reshape(u.numel() // max(1, len(loc)), len(loc))
        sign, end, h, w = seen_from_the_end(loc, scale, low, high)
        ctx.units = RegimeTable(h, w)
        origin, step = torch.where(Near.holds(h, w), loc, end), -sign * scale
        at, x = torch.empty_like(u), torch.empty_like(u)
        for rows in _blocks(u):
            at[rows] = ctx.units.offset(*mirrored(u[rows], sign))
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
            by_h, by_sigma = ctx.units.gradient(at[rows], *mirrored(u[rows], sign))
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


def seen_from_the_end(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, ...]:
    """s, e, h and w of `LogQuantile`, [units]: the interval as it lies seen from the end nearer to the mode."""
    from_top = loc > (low + high) / 2
    sign = torch.where(from_top, 1.0, -1.0).to(loc.dtype)
    end = torch.where(from_top, high, low)
    return sign, end, sign * (loc - end) / scale, (high - low) / scale


def mirrored(u: Tensor, sign: Tensor) -> tuple[Tensor, Tensor]:
    """v and c, of u's shape: u and 1 - u seen from the top end, 1 - u and u from the bottom."""
    return (u * sign).add_((1 - sign) / 2), (u * -sign).add_((1 + sign) / 2)


def _blocks(u: Tensor) -> list[slice]:
    """Row slices of u [n, units]; all rows at once on an accelerator."""
    n, units = u.shape
    rows = max(1, BLOCK // max(1, units)) if u.device.type == "cpu" else max(1, n)
    return [slice(start, start + rows) for start in range(0, n, rows)]
