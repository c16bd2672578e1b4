"""The quantile of the truncated standard normal and its derivatives for Triton's kernels: `regimes` in float32.

All three regimes are worked out for every number and one is taken: a branch would cost a warp as much. What the other
two say where they do not hold may be anything.
"""

from __future__ import annotations

import numpy as np
import torch
import triton
import triton.language as tl
from triton.language.extra import libdevice

from sbp.distributions import normal_tail, regimes

_ABOVE = tl.constexpr(normal_tail.QUANTILE_ABOVE)
_BELOW = tl.constexpr(normal_tail.QUANTILE_BELOW)
_MILLS = tl.constexpr(normal_tail.LOG_MILLS)
_FAR = tl.constexpr(normal_tail.FAR)
_FRACTION = tl.constexpr(normal_tail.FRACTION_TERMS)
_FLAT = tl.constexpr(regimes.FLAT)
_TINY = tl.constexpr(regimes.TINY)
_FLAT_STEPS = tl.constexpr(regimes.FLAT_STEPS[torch.float32])
_FAR_STEPS = tl.constexpr(regimes.FAR_STEPS[torch.float32])
_AT, _SHARE = (
    tl.constexpr(tuple(float(x) for x in values))
    for values in np.array([[1, 0], [0, 1]]) @ np.polynomial.legendre.leggauss(regimes.FLAT_POINTS[torch.float32])
)
_TERMS = tl.constexpr(len(normal_tail.QUANTILE_ABOVE))
_FLAT_POINTS = tl.constexpr(regimes.FLAT_POINTS[torch.float32])
_HALF = tl.constexpr(0.5**0.5)


@triton.jit
def seen_from_the_end(u, mu, scale, a, b):
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
def offset(v, c, h, w, flat, far):
    """The offset of the sample with P(T > t) = v: z where near, t where flat or far."""
    return tl.where(flat, _flat_offset(v, c, h, w), tl.where(far, _far_offset(v, c, h, w), _near_offset(v, c, h, w)))


@triton.jit
def gradient(at, v, c, h, w, flat, far):
    """At that offset and fixed v: dt/dh, and d(sigma t)/d sigma."""
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
    log = -tl.log(clip(4 * below * above, 1e-37, 1.0))
    z = (below - above) * _polynomial(_ABOVE, _TERMS, log) / _polynomial(_BELOW, _TERMS, log)
    return clip(z, h, k)


@triton.jit
def _near_gradient(z, v, c, h, w):
    rise = tl.exp(clip((z * z - h * h) / 2, -80, 80))
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
    return clip(t, 0.0, w)


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
    return clip(t, 0.0, w)


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
def clip(x, least, most):
    """x within [least, most]; NaN stays NaN, so that a run that is lost is seen to be."""
    return tl.minimum(tl.maximum(x, least, tl.PropagateNan.ALL), most, tl.PropagateNan.ALL)
