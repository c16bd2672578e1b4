"""Theta, KL and their gradients on a CUDA device in four kernels, where the plain form takes some four hundred.

The arithmetic is that of `regimes` (in `fused_quantile`) and `moments.kl_and_gradient` in float32, one number at a
time; a test holds the two together. A step of a small network is mostly the starting of kernels, so what counts is how
few there are: `_draw` makes theta from uniform draws, `_kl` the KL of every unit with its derivatives, and going back
`_pull` sums over blocks of examples and `_gather` over the blocks, always in the same order, so that a run can be
repeated.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions import moments
from sbp.distributions.fused_quantile import clip, gradient, offset, seen_from_the_end

# Objects and units that one program of a kernel handles.
EXAMPLES, UNITS = 32, 32
NODES = 32  # of the KL's quadrature, padded to a power of two

_REACH = tl.constexpr(moments.REACH["float32"])


def noise(
    loc: Tensor, log_scale: Tensor, low: Tensor, high: Tensor, examples: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """theta [examples, units] and KL [units] in nats, from float32 mu, log sigma, a and b [units] on a CUDA device.

    Differentiable in mu and log sigma; the same uniform draws as `fast.sample_theta` makes theta of.
    """
    u = torch.rand(examples, len(loc), dtype=loc.dtype, device=loc.device, generator=generator)
    theta, kl = _Noise.apply(u, loc, log_scale, low, high)
    return theta, kl


def kl_and_gradient(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """KL of each unit in nats and its derivatives in mu and sigma, [units], as `moments.kl_and_gradient`, from the
    kernel of the draws."""
    loc, scale, low, high = (q.contiguous() for q in torch.broadcast_tensors(loc, scale, low, high))
    kl, slopes = _kl_and_slopes(loc, scale.log(), low, high)
    return kl, slopes[0], slopes[1] / scale


def _kl_and_slopes(loc: Tensor, log_scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """KL [units], and its derivatives in mu and log sigma, [2, units]."""
    units = len(loc)
    kl, slopes = torch.empty_like(loc), loc.new_empty(2, units)
    nodes, weights = moments.legendre(moments.NODES["float32"], torch, loc)
    grid = (triton.cdiv(units, 4),)
    _kl[grid](loc, log_scale, low, high, nodes, weights, kl, slopes, units, len(nodes), 4, NODES)
    return kl, slopes


class _Noise(Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        examples, units = u.shape
        theta = torch.empty_like(u)
        grid = (triton.cdiv(examples, EXAMPLES), triton.cdiv(units, UNITS))
        _draw[grid](u, *parameters, theta, examples, units, EXAMPLES, UNITS)
        kl, slopes = _kl_and_slopes(*parameters)
        ctx.save_for_backward(u, theta, slopes, *parameters)
        return theta, kl

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        u, theta, slopes, *parameters = ctx.saved_tensors
        examples, units = u.shape
        by_theta, by_kl = (grad.contiguous() for grad in grads)
        blocks = triton.cdiv(examples, EXAMPLES)
        partial = torch.empty(blocks, 2, units, dtype=u.dtype, device=u.device)
        by_loc, by_log_scale = torch.empty_like(parameters[0]), torch.empty_like(parameters[0])
        grid = (blocks, triton.cdiv(units, UNITS))
        _pull[grid](u, *parameters, theta, by_theta, partial, examples, units, EXAMPLES, UNITS)
        _gather[(triton.cdiv(units, 128),)](partial, slopes, by_kl, by_loc, by_log_scale, units, blocks, 128)
        return None, by_loc, by_log_scale, None, None


@triton.jit
def _draw(u, loc, log_scale, low, high, theta, examples, units, EXAMPLES: tl.constexpr, UNITS: tl.constexpr):
    unit, at, inside = _tile(examples, units, EXAMPLES, UNITS)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    v, c, sign, end, h, w, flat, far = seen_from_the_end(tl.load(u + at, mask=inside, other=0.5), mu, scale, a, b)
    z = offset(v, c, h, w, flat, far)
    x = tl.where(flat | far, end, mu) - sign * scale * z
    tl.store(theta + at, tl.exp(clip(x, a, b)), mask=inside)


@triton.jit
def _pull(
    u, loc, log_scale, low, high, theta, by_theta, partial, examples, units, EXAMPLES: tl.constexpr, UNITS: tl.constexpr
):
    unit, at, inside = _tile(examples, units, EXAMPLES, UNITS)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    v, c, sign, _end, h, w, flat, far = seen_from_the_end(tl.load(u + at, mask=inside, other=0.5), mu, scale, a, b)
    by_h, by_sigma = gradient(offset(v, c, h, w, flat, far), v, c, h, w, flat, far)
    by_x = tl.load(by_theta + at, mask=inside, other=0) * tl.load(theta + at, mask=inside, other=0)
    by_loc = tl.sum(tl.where(inside, -by_h * by_x, 0), 0)
    by_log_scale = tl.sum(tl.where(inside, -sign * by_sigma * scale * by_x, 0), 0)
    column = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    place = partial + tl.program_id(0) * 2 * units + column
    tl.store(place, by_loc, mask=column < units)
    tl.store(place + units, by_log_scale, mask=column < units)


@triton.jit
def _gather(partial, slopes, by_kl, by_loc, by_log_scale, units, BLOCKS: tl.constexpr, UNITS: tl.constexpr):
    unit = tl.program_id(0) * UNITS + tl.arange(0, UNITS)
    inside = unit < units
    pulled = tl.load(by_kl + unit, mask=inside)
    of_loc = tl.load(slopes + unit, mask=inside) * pulled
    of_log_scale = tl.load(slopes + units + unit, mask=inside) * pulled
    for block in range(BLOCKS):
        of_loc += tl.load(partial + block * 2 * units + unit, mask=inside)
        of_log_scale += tl.load(partial + (block * 2 + 1) * units + unit, mask=inside)
    tl.store(by_loc + unit, of_loc, mask=inside)
    tl.store(by_log_scale + unit, of_log_scale, mask=inside)


@triton.jit
def _kl(loc, log_scale, low, high, nodes, weights, kl, slopes, units, n, UNITS: tl.constexpr, NODES: tl.constexpr):
    unit = tl.program_id(0) * UNITS + tl.arange(0, UNITS)[:, None]
    node = tl.arange(0, NODES)[None, :]
    t = tl.load(nodes + node, mask=node < n, other=0)
    share = tl.load(weights + node, mask=node < n, other=0)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    variance = scale * scale
    mode = clip(mu, a, b)
    aside = tl.abs(mode - mu)
    width = 2 * _REACH * variance / (aside + tl.sqrt(aside * aside + 2 * _REACH * variance))
    start = tl.maximum(a - mode, -width)
    half = (tl.minimum(b - mode, width) - start) / 2
    s = start + half * (1 + t)
    z = s / scale
    g = -z * (z / 2 + (mode - mu) / scale)
    density = half * share * tl.exp(g)
    mass = tl.sum(density, 1)[:, None]
    density = density / mass
    mean = tl.sum(density * g, 1)[:, None]
    deviation = density * (g - mean)
    value = mean - tl.log(mass) + tl.log(b - a)
    of_loc = tl.sum(deviation * s, 1)[:, None] / variance
    of_log_scale = -2 * tl.sum(deviation * (g - mean), 1)[:, None]
    inside = unit < units
    tl.store(kl + unit, value, mask=inside)
    tl.store(slopes + unit, of_loc, mask=inside)
    tl.store(slopes + units + unit, of_log_scale, mask=inside)


@triton.jit
def _tile(examples, units, EXAMPLES: tl.constexpr, UNITS: tl.constexpr):
    row = tl.program_id(0) * EXAMPLES + tl.arange(0, EXAMPLES)[:, None]
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)[None, :]
    return unit, row * units + unit, (row < examples) & (unit < units)


@triton.jit
def _parameters(loc, log_scale, low, high, unit, units):
    inside = unit < units
    mu = tl.load(loc + unit, mask=inside, other=0)
    scale = tl.exp(tl.load(log_scale + unit, mask=inside, other=0))
    return mu, scale, tl.load(low + unit, mask=inside, other=-1), tl.load(high + unit, mask=inside, other=0)
