"""A draw of theta in a form that `torch.compile` and `torch.export` can trace whole: no branch on data, no C, no cache.

The arithmetic is that of `quantile.LogQuantile`; every regime runs over all units, and the derivatives are made in the
forward pass, so that nothing but tensors goes from there to the backward pass. A compiler fuses both.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions.quantile import RegimeTable, mirrored, seen_from_the_end
from sbp.distributions.regimes import Near


def sample_theta(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, examples: int) -> Tensor:
    """theta ~ q, [examples, units], differentiable in loc and scale, all four [units] (eq. 18).

    >>> sample_theta(torch.zeros(3), torch.ones(3), torch.full((3,), -20.0), torch.zeros(3), 5).shape
    torch.Size([5, 3])
    """
    u = torch.rand(examples, *loc.shape, dtype=loc.dtype, device=loc.device)
    u = u.clamp(min=torch.finfo(u.dtype).eps / 8)
    return torch.exp(TracedLogQuantile.apply(u, loc, scale, low, high))


class TracedLogQuantile(Function):
    """x(u) with P(log theta <= x) = u, as `LogQuantile`; u: [examples, units], the others [units]."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """log theta, [examples, units]."""
        sign, end, h, w = seen_from_the_end(loc, scale, low, high)
        units = RegimeTable(h, w, gather=False)
        v, c = mirrored(u, sign)
        at = units.offset(v, c)
        by_h, by_sigma = units.gradient(at, v, c)
        ctx.save_for_backward(by_h, by_sigma, sign)
        x = torch.where(Near.holds(h, w), loc, end) - sign * scale * at
        return torch.minimum(torch.maximum(x, low), high)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Sums over the examples."""
        by_h, by_sigma, sign = ctx.saved_tensors
        return None, -(by_h * grads[0]).sum(0), -(by_sigma * grads[0]).sum(0) * sign, None, None
