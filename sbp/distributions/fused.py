"""Theta, KL and their gradients on a CUDA device in four kernels, where the plain form takes some four hundred.

The arithmetic is that of `regimes` and `moments.kl_and_gradient` in float32, one number at a time; a test holds the
two together. A step of a small network is mostly the starting of kernels, so what counts is how few there are:
`_draw` makes theta from uniform draws, `_kl` the KL of every unit with its derivatives, and going back `_pull` sums
over blocks of objects and `_gather` over the blocks, always in the same order, so that a run can be repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from triton.language.extra import libdevice

from sbp.distributions import moments, normal_tail, regimes

# Objects and units that one program of a kernel handles.
OBJECTS, UNITS = 32, 32
NODES = 32  # of the KL's quadrature, padded to a power of two

_ABOVE = tl.constexpr(normal_tail.QUANTILE_ABOVE)
_BELOW = tl.constexpr(normal_tail.QUANTILE_BELOW)
_MILLS = tl.constexpr(normal_tail.LOG_MILLS)
_FAR = tl.constexpr(normal_tail.FAR)
_FRACTION = tl.constexpr(normal_tail.FRACTION_TERMS)
_FLAT = tl.constexpr(regimes.FLAT)
_TINY = tl.constexpr(regimes.TINY)
_FLAT_STEPS = tl.constexpr(regimes.FLAT_STEPS[torch.float32])
_FAR_STEPS = tl.constexpr(regimes.FAR_STEPS[torch.float32])
_REACH = tl.constexpr(moments.REACH["float32"])
_AT, _SHARE = (
    tl.constexpr(tuple(float(x) for x in values))
    for values in np.array([[1, 0], [0, 1]]) @ np.polynomial.legendre.leggauss(regimes.FLAT_POINTS[torch.float32])
)
_TERMS = tl.constexpr(len(normal_tail.QUANTILE_ABOVE))
_FLAT_POINTS = tl.constexpr(regimes.FLAT_POINTS[torch.float32])
_HALF = tl.constexpr(0.5**0.5)


def noise(
    loc: Tensor, log_scale: Tensor, low: Tensor, high: Tensor, objects: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """theta [objects, units] and KL [units] in nats, from float32 mu, log sigma, a and b [units] on a CUDA device.

    Differentiable in mu and log sigma; the same uniform draws as `fast.sample_theta` makes theta of.
    """
    u = torch.rand(objects, len(loc), dtype=loc.dtype, device=loc.device, generator=generator)
    theta, kl = _Noise.apply(u, loc, log_scale, low, high)
    return theta, kl


class _Noise(Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        objects, units = u.shape
        theta, kl = torch.empty_like(u), torch.empty_like(parameters[0])
        slopes = torch.empty(2, units, dtype=u.dtype, device=u.device)
        grid = (triton.cdiv(objects, OBJECTS), triton.cdiv(units, UNITS))
        _draw[grid](u, *parameters, theta, objects, units, OBJECTS, UNITS)
        nodes, weights = moments.legendre(moments.NODES["float32"], torch, u)
        _kl[(triton.cdiv(units, 4),)](*parameters, nodes, weights, kl, slopes, units, len(nodes), 4, NODES)
        ctx.save_for_backward(u, theta, slopes, *parameters)
        return theta, kl

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        u, theta, slopes, *parameters = ctx.saved_tensors
        objects, units = u.shape
        by_theta, by_kl = (grad.contiguous() for grad in grads)
        blocks = triton.cdiv(objects, OBJECTS)
        partial = torch.empty(blocks, 2, units, dtype=u.dtype, device=u.device)
        by_loc, by_log_scale = torch.empty_like(parameters[0]), torch.empty_like(parameters[0])
        grid = (blocks, triton.cdiv(units, UNITS))
        _pull[grid](u, *parameters, theta, by_theta, partial, objects, units, OBJECTS, UNITS)
        _gather[(triton.cdiv(units, 128),)](partial, slopes, by_kl, by_loc, by_log_scale, units, blocks, 128)
        return None, by_loc, by_log_scale, None, None


@triton.jit
def _draw(
    u, loc, log_scale, low, high, theta, objects, units, OBJECTS: tl.constexpr, UNITS: tl.constexpr
):  # fmt: skip
    unit, at, inside = _tile(objects, units, OBJECTS, UNITS)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    v, c, sign, end, h, w, flat, far = _seen_from_the_end(tl.load(u + at, mask=inside, other=0.5), mu, scale, a, b)
    z = _offset(v, c, h, w, flat, far)
    x = tl.where(flat | far, end, mu) - sign * scale * z
    tl.store(theta + at, tl.exp(_clip(x, a, b)), mask=inside)


@triton.jit
def _pull(
    u, loc, log_scale, low, high, theta, by_theta, partial, objects, units, OBJECTS: tl.constexpr, UNITS: tl.constexpr
):  # fmt: skip
    unit, at, inside = _tile(objects, units, OBJECTS, UNITS)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    v, c, sign, _end, h, w, flat, far = _seen_from_the_end(tl.load(u + at, mask=inside, other=0.5), mu, scale, a, b)
    by_h, by_sigma = _gradient(_offset(v, c, h, w, flat, far), v, c, h, w, flat, far)
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
def _kl(
    loc, log_scale, low, high, nodes, weights, kl, slopes, units, n, UNITS: tl.constexpr, NODES: tl.constexpr
):  # fmt: skip
    unit = tl.program_id(0) * UNITS + tl.arange(0, UNITS)[:, None]
    node = tl.arange(0, NODES)[None, :]
    t = tl.load(nodes + node, mask=node < n, other=0)
    share = tl.load(weights + node, mask=node < n, other=0)
    mu, scale, a, b = _parameters(loc, log_scale, low, high, unit, units)
    variance = scale * scale
    mode = _clip(mu, a, b)
    offset = tl.abs(mode - mu)
    width = 2 * _REACH * variance / (offset + tl.sqrt(offset * offset + 2 * _REACH * variance))
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
def _tile(objects, units, OBJECTS: tl.constexpr, UNITS: tl.constexpr):
    row = tl.program_id(0) * OBJECTS + tl.arange(0, OBJECTS)[:, None]
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)[None, :]
    return unit, row * units + unit, (row < objects) & (unit < units)


@triton.jit
def _parameters(loc, log_scale, low, high, unit, units):
    inside = unit < units
    mu = tl.load(loc + unit, mask=inside, other=0)
    scale = tl.exp(tl.load(log_scale + unit, mask=inside, other=0))
    return mu, scale, tl.load(low + unit, mask=inside, other=-1), tl.load(high + unit, mask=inside, other=0)


@triton.jit
def _seen_from_the_end(u, mu, scale, a, b):
    """v, c, and the sign, end, h and w of `LogQuantile`; which units are flat and which far (`regimes`)."""
    u = tl.maximum(u, 1.4901161e-08)  # torch.rand can give 0, where the quantile is the end of the support
    top = mu > (a + b) / 2
    sign = tl.where(top, 1.0, -1.0)
    end = tl.where(top, b, a)
    h, w = sign * (mu - end) / scale, (b - a) / scale
    flat = (tl.abs(h) + w) * w < _FLAT
    far = (h >= _FAR) & (flat == 0)
    return tl.where(top, u, 1 - u), tl.where(top, 1 - u, u), sign, end, h, w, flat, far


@triton.jit
def _offset(v, c, h, w, flat, far):
    return tl.where(flat, _flat_offset(v, c, h, w), tl.where(far, _far_offset(v, c, h, w), _near_offset(v, c, h, w)))


@triton.jit
def _gradient(at, v, c, h, w, flat, far):
    near_h, near_sigma = _near_gradient(at, v, c, h, w)
    far_h, far_sigma = _far_gradient(at, v, c, h, w)
    flat_h, flat_sigma = _flat_gradient(at, v, c, h, w)
    by_h = tl.where(flat, flat_h, tl.where(far, far_h, near_h))
    return by_h, tl.where(flat, flat_sigma, tl.where(far, far_sigma, near_sigma))


@triton.jit
def _near_offset(v, c, h, w):
    k = h + w
    above_k = libdevice.erfc(k * _HALF) / 2
    inside = (libdevice.erf(k * _HALF) + libdevice.erf(-h * _HALF)) / 2
    mass = tl.where(h < 0, inside, libdevice.erfc(h * _HALF) / 2 - above_k)
    below = c * mass + libdevice.erfc(-h * _HALF) / 2
    above = v * mass + above_k
    log = -tl.log(_clip(4 * below * above, 1e-37, 1.0))
    z = (below - above) * _polynomial(_ABOVE, _TERMS, log) / _polynomial(_BELOW, _TERMS, log)
    return _clip(z, h, k)


@triton.jit
def _near_gradient(z, v, c, h, w):
    rise = tl.exp(_clip((z * z - h * h) / 2, -80, 80))
    by_k = c * tl.exp(-w * (w / 2 + h))
    by_ends = (v + by_k) * rise
    return by_ends - 1, z - by_ends * h - by_k * rise * w


@triton.jit
def _far_offset(v, c, h, w):
    cut = w * (w / 2 + h) + _mills_drop(h, w)
    energy = tl.minimum(-tl.log(c * tl.exp(-cut) + v), cut)
    excess = _hazard_excess(h)
    hazard = h + excess
    growth = 2 * (1 - excess / hazard)
    t = 2 * energy / (tl.sqrt(energy * growth + hazard * hazard) + hazard)
    for _ in tl.static_range(_FAR_STEPS):
        z = t + h
        missing = t * (t / 2 + h) + _mills_drop(h, t) - energy
        t = t - missing / (z * (1 + 1 / (z * z + 2)))
    return _clip(t, 0.0, w)


@triton.jit
def _far_gradient(t, v, c, h, w):
    drop = _mills_drop(h, w)
    fall = tl.exp(-w * (w / 2 + h))
    left = tl.maximum(c * tl.exp(-(w * (w / 2 + h) + drop)) + v, _TINY)
    by_h = libdevice.expm1(libdevice.log1p(c * (-fall * libdevice.expm1(-drop)) / left) - _mills_drop(h, t))
    by_k = tl.exp(tl.minimum(t * (t / 2 + h), 80)) * c * (fall * w)
    return by_h, t - by_h * h - by_k


@triton.jit
def _flat_offset(v, c, h, w):
    t = c * w
    target = c * _flat_mass(w, h)
    for _ in tl.static_range(_FLAT_STEPS):
        t = t - (_flat_mass(t, h) - target) * tl.exp(t * (t / 2 + h))
    return _clip(t, 0.0, w)


@triton.jit
def _flat_gradient(t, v, c, h, w):
    by_h = t * 0
    by_sigma = t * 0
    for i in tl.static_range(_FLAT_POINTS):
        beyond = -t * ((1 + _AT[i]) / 2)  # s - t, on the near side of t and then on the far side
        s = t + beyond
        part = tl.exp(-s * (s / 2 + h)) * v * -t * beyond * (_SHARE[i] / 2)
        by_h -= part
        by_sigma += part * (s + t + 2 * h)
        beyond = (w - t) * ((1 + _AT[i]) / 2)
        s = t + beyond
        part = tl.exp(-s * (s / 2 + h)) * c * (w - t) * beyond * (_SHARE[i] / 2)
        by_h -= part
        by_sigma += part * (s + t + 2 * h)
    rise = tl.exp(t * (t / 2 + h))
    return by_h * rise, by_sigma * rise


@triton.jit
def _flat_mass(t, h):
    mean = t * 0
    for i in tl.static_range(_FLAT_POINTS):
        s = t * ((1 + _AT[i]) / 2)
        mean += tl.exp(-s * (s / 2 + h)) * (_SHARE[i] / 2)
    return mean * t


@triton.jit
def _mills_drop(h, t):
    here, there = 1 / (h * h), 1 / ((h + t) * (h + t))
    return libdevice.log1p(t / h) + here * _polynomial(_MILLS, 4, here) - there * _polynomial(_MILLS, 4, there)


@triton.jit
def _hazard_excess(z):
    value = z * 0
    for k in tl.static_range(_FRACTION):
        value = (_FRACTION - k) / (z + value)
    return value


@triton.jit
def _polynomial(coefficients: tl.constexpr, n: tl.constexpr, x):
    value = x * 0
    for i in tl.static_range(n):
        value = value * x + coefficients[n - 1 - i]
    return value


@triton.jit
def _clip(x, least, most):
    return tl.minimum(tl.maximum(x, least, tl.PropagateNan.ALL), most, tl.PropagateNan.ALL)
