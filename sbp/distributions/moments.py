"""Everything that is an integral over the truncated log-normal: normaliser, moments, entropy, KL.

theta has log theta = x ~ N(mu, sigma^2) truncated to [a, b]. Each quantity is a sum of positive terms over
Gauss-Legendre nodes that lie where the integrand lives, so nothing here subtracts near-equal numbers and nothing
overflows: the printed formulas (eq. 17, 19, 20, Appendices D and E) lose all digits once |mu - bound| exceeds about
13 sigma, because Phi(beta) - Phi(alpha) underflows there while the ratio of two such differences is an ordinary number.

One source serves NumPy arrays (pages, tables) and torch tensors (training, autograd): the functions that both
libraries name alike are taken from whichever the arguments belong to. Nodes are constants for autograd; the
derivative of the integrand under the integral sign is the derivative of the integral, since a and b are fixed.

Notation: nu = mu + k sigma^2 is the centre of e^(k x) N(x | mu, sigma^2); m = clip(nu, a, b) is where that is largest;
s = x - m; g(s) = -s (s + 2 (m - nu)) / (2 sigma^2) is its logarithm relative to the value at m, never above 0.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, NamedTuple

import numpy as np

# exp(-REACH) is what is left out at each end: below the rounding of the dtype. The node counts integrate
# exp(-s^2/2) over that reach, and exp(-REACH s) over [0, 1], to the same accuracy.
REACH = {"float64": 40.0, "float32": 18.0}
NODES = {"float64": 48, "float32": 24}

# The points as plain numbers, for compilers, which cannot trace how they are made.
LEGENDRE = {n: tuple(x.tolist() for x in np.polynomial.legendre.leggauss(n)) for n in (8, *NODES.values())}

# Below this value of log E[theta^2] - 2 log E[theta] the difference of the two logarithms has lost digits, and the
# distribution is narrow enough for its variance to be summed about its own mean. SNR is 3.1 there.
NARROW = 0.1

# Rows of a NumPy array handled at once, so that the [rows, nodes] temporaries stay in the processor's cache.
CHUNK = 4096


class Peak(NamedTuple):
    """A tilted density e^(k x) N(x | mu, sigma^2) on [a, b], on nodes where it lives."""

    mode: Any  # m, [...]
    s: Any  # x - m at the nodes, [..., n]
    g: Any  # log density relative to the mode, [..., n]
    weight: Any  # quadrature weights in x, [..., n]
    log_mass: Any  # log of the integral of e^g, [...]

    @property
    def probability(self) -> Any:
        """The normalised mass at each node, [..., n]."""
        xp = _namespace(self.g)
        return self.weight * xp.exp(self.g - self.log_mass[..., None])


def peak(loc: Any, scale: Any, low: Any, high: Any, tilt: int = 0) -> Peak:
    """Nodes and log mass of e^(tilt x) N(x | loc, scale^2) on [low, high]; arrays of one shape and dtype."""
    xp = _namespace(loc)
    dtype = str(loc.dtype).removeprefix("torch.")
    reach = REACH[dtype]
    t, w = legendre(NODES[dtype], xp, loc)
    # The nodes are constants: only from `inverse` on do loc and scale carry gradients.
    variance = _constant(scale) ** 2
    nu = _constant(loc) + tilt * variance
    mode = xp.clip(nu, low, high)
    offset = xp.abs(mode - nu)
    # Where g(s) = -reach: solves s^2 + 2 s offset = 2 reach sigma^2, in the form without cancellation.
    width = 2 * reach * variance / (offset + xp.sqrt(offset**2 + 2 * reach * variance))
    start = xp.maximum(low - mode, -width)
    half = (xp.minimum(high - mode, width) - start) / 2
    s = start[..., None] + half[..., None] * (1 + t)
    weight = half[..., None] * w
    inverse = 1 / scale
    distance = (mode - loc) * inverse - tilt * scale
    z = s * inverse[..., None]
    g = -z * (z / 2 + distance[..., None])
    log_mass = xp.log((weight * xp.exp(g)).sum(-1))
    return Peak(mode, s, g, weight, log_mass)


def log_mean_power(loc: Any, scale: Any, base: Peak, tilted: Peak, tilt: int) -> Any:
    """log E[theta^tilt] = k m' + (m - m')(m + m' - 2 mu) / (2 sigma^2) + log mass' - log mass."""
    shift = (base.mode - tilted.mode) / scale * ((base.mode + tilted.mode - 2 * loc) / scale) / 2
    return tilt * tilted.mode + shift + tilted.log_mass - base.log_mass


def log_mean(loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """log E[theta]; eq. 20 in a form that holds everywhere."""
    return log_mean_power(loc, scale, peak(loc, scale, low, high), peak(loc, scale, low, high, 1), 1)


def log_snr(loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """log of E[theta] / sqrt(Var[theta]) (eq. 19 as mended by Appendix D).

    Where theta is narrow its variance is summed about its mean; elsewhere SNR = 1 / sqrt(e^r - 1)
    with r = log E[theta^2] - 2 log E[theta].
    """
    xp = _namespace(loc)
    base = peak(loc, scale, low, high)
    first = log_mean_power(loc, scale, base, peak(loc, scale, low, high, 1), 1)
    second = log_mean_power(loc, scale, base, peak(loc, scale, low, high, 2), 2)
    r = second - 2 * first
    narrow = r < NARROW
    # Each branch sees harmless numbers where the other is taken, so that neither spoils the gradient.
    safe = xp.where(narrow, xp.ones_like(r), r)
    wide_value = -safe / 2 - xp.log(-xp.expm1(-safe)) / 2
    e = xp.expm1(xp.where(narrow[..., None], base.s, xp.zeros_like(base.s)))
    p = base.probability
    mean = (p * e).sum(-1)
    variance = (p * (e - mean[..., None]) ** 2).sum(-1)
    variance = xp.where(narrow, variance, xp.ones_like(variance))
    narrow_value = xp.log1p(mean) - xp.log(variance) / 2
    return xp.where(narrow, narrow_value, wide_value)


def entropy_of_log(loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """Entropy of x = log theta in nats: log mass - E[g]."""
    base = peak(loc, scale, low, high)
    return base.log_mass - (base.probability * base.g).sum(-1)


def mean_of_log(loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """E[log theta] in nats."""
    base = peak(loc, scale, low, high)
    return base.mode + (base.probability * base.s).sum(-1)


def kl_to_log_uniform(loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """KL(LogN_[a,b] || LogU_[a,b]) = log(b - a) - H[log theta], in nats (eq. 17).

    Where q is nearly the prior the two terms agree to many digits; there, with gt = g minus its plain average over
    [a, b] (written out, so exact) and A = avg(e^gt - 1 - gt),  KL = avg(gt (e^gt - 1)) / (1 + A) - log(1 + A).
    """
    xp = _namespace(loc)
    half = (high - low) / 2
    middle = (low + high) / 2
    steepness = half / scale
    slope = (middle - loc) / scale
    flat = _constant((xp.abs(slope) + steepness) * steepness) < 0.5  # |gt| stays below 1 on all of [a, b]
    t, w = legendre(NODES[str(loc.dtype).removeprefix("torch.")], xp, loc)
    steepness = xp.where(flat, steepness, xp.zeros_like(steepness))[..., None]
    slope = xp.where(flat, slope, xp.zeros_like(slope))[..., None]
    gt = -steepness * (2 * slope * t + steepness * (t * t - 1 / 3)) / 2
    excess = (w / 2 * _exp_minus_1_minus(gt)).sum(-1)
    near = (w / 2 * gt * xp.expm1(gt)).sum(-1) / (1 + excess) - xp.log1p(excess)
    far = xp.log(high - low) - entropy_of_log(loc, scale, low, high)
    return xp.where(flat, near, far)


def kl_and_gradient(loc: Any, scale: Any, low: Any, high: Any) -> tuple[Any, Any, Any]:
    """KL(q || p) on the prior's own interval and its derivatives in mu and sigma, by one pass over the nodes.

    KL = E[g] - log mass + log(b - a),   dKL/dmu = Cov(g, s) / sigma^2,   dKL/dsigma = -2 Var(g) / sigma:
    the derivatives are right to relative rounding however near q is to the prior, the value to absolute rounding.
    """
    base = peak(loc, scale, low, high)
    mean = (base.probability * base.g).sum(-1)
    deviation = base.g - mean[..., None]
    weighted = base.probability * deviation
    by_loc = (weighted * base.s).sum(-1) / scale**2
    by_scale = -2 * (weighted * deviation).sum(-1) / scale
    return mean - base.log_mass + _namespace(loc).log(high - low), by_loc, by_scale


def log_density_of_log(x: Any, loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """log of the density of x = log theta at x, in 1/nats; -inf outside [a, b]."""
    xp = _namespace(loc)
    base = peak(loc, scale, low, high)
    s = x - base.mode
    g = -(s / scale) * ((s + 2 * (base.mode - loc)) / scale) / 2
    return xp.where((x >= low) & (x <= high), g - base.log_mass, xp.full_like(g, -np.inf))


def log_odds_of_log(x: Any, loc: Any, scale: Any, low: Any, high: Any) -> Any:
    """log P(log theta <= x) - log P(log theta > x), from the masses on either side of x; x strictly inside [a, b].

    P(log theta <= x) is its logistic function, which keeps the digits of P and of its gradient near 0 and near 1.
    """
    return log_mean_power(loc, scale, peak(loc, scale, x, high), peak(loc, scale, low, x), 0)


def mean(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """E[theta] of each unit, from arrays of mu and log sigma of any one shape.

    >>> float(round(mean(0.0, 0.0), 6))
    0.523157
    """
    return _by_chunk(lambda *q: np.exp(log_mean(*q)), loc, log_scale, log_low, log_high)


def snr(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """SNR = E[theta] / sqrt(Var[theta]) of each unit, from arrays of mu and log sigma of any one shape.

    >>> float(round(snr(0.0, 0.0), 6))
    2.092439
    """
    return _by_chunk(lambda *q: np.exp(log_snr(*q)), loc, log_scale, log_low, log_high)


def kl(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """KL(q || p) of each unit in nats, from arrays of mu and log sigma of any one shape.

    >>> float(round(kl(0.0, 0.0), 6))
    2.269941
    """
    return _by_chunk(kl_to_log_uniform, loc, log_scale, log_low, log_high)


def entropy(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """Entropy of theta in nats, H[log theta] + E[log theta], from arrays of mu and log sigma of any one shape."""
    return _by_chunk(lambda *q: entropy_of_log(*q) + mean_of_log(*q), loc, log_scale, log_low, log_high)


def prior_snr(log_low: float = -20.0, log_high: float = 0.0) -> float:
    """The SNR of the prior itself, that of a unit that knows nothing: the floor that a pruned unit sits at.

    >>> round(prior_snr(), 3), round(prior_snr(-3.83, 0.0), 2)
    (0.333, 1.0)
    """
    return float(snr_of_log_uniform(np.float64(log_high - log_low)))


def snr_of_log_uniform(length: Any) -> Any:
    """E[theta] / sqrt(Var[theta]) = 1 / sqrt((L/2) coth(L/2) - 1) for log theta uniform on a length L."""
    xp = _namespace(length)
    half = length / 2
    short = half < 0.3  # where the difference cancels: it is L^2/12 (1 - L^2/60 (...))
    safe = xp.where(short, xp.ones_like(half), half)
    square = half * half
    series = square / 3 * (1 - square / 15 * (1 - 2 * square / 21 * (1 - square / 10 * (1 - 10 * square / 99))))
    return 1 / xp.sqrt(xp.where(short, series, safe / xp.tanh(safe) - 1))


def _by_chunk(function: Any, loc: Any, log_scale: Any, log_low: float, log_high: float) -> np.ndarray:
    """Applies a function of (loc, scale, low, high) row by row block to NumPy arrays, float32 kept, else float64."""
    loc, log_scale = np.asarray(loc), np.asarray(log_scale)
    dtype = np.float32 if loc.dtype == log_scale.dtype == np.float32 else np.float64
    loc, log_scale = np.broadcast_arrays(loc.astype(dtype), log_scale.astype(dtype))
    flat_loc, flat_scale = loc.reshape(-1), np.exp(log_scale.reshape(-1))
    out = np.empty_like(flat_loc)
    low, high = dtype(log_low), dtype(log_high)
    for start in range(0, len(out), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = function(flat_loc[part], flat_scale[part], low, high)
    return out.reshape(loc.shape)[()]


def _exp_minus_1_minus(x: Any) -> Any:
    """e^x - 1 - x for |x| <= 1 by its series: the subtraction would keep no digit of a small x."""
    total = 1 + 0 * x
    for k in range(16, 2, -1):
        total = 1 + x / k * total
    return x * x / 2 * total


def legendre(n: int, xp: Any, like: Any) -> tuple[Any, Any]:
    """Gauss-Legendre nodes and weights on [-1, 1] in the library, dtype and device of `like`."""
    if xp is np:
        return _legendre(n, like.dtype)
    if xp.compiler.is_compiling():  # a compiler would trace through the cache
        nodes, weights = [xp.tensor(x, dtype=like.dtype, device=like.device) for x in LEGENDRE[n]]
        return nodes, weights
    return _legendre(n, like.dtype, like.device)


@cache
def _legendre(n: int, dtype: Any, device: Any = None) -> tuple[Any, Any]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    if device is None:
        return nodes.astype(dtype), weights.astype(dtype)
    torch = sys.modules["torch"]
    with torch.inference_mode(False):  # the cached tensors will meet autograd later
        return torch.tensor(nodes, dtype=dtype, device=device), torch.tensor(weights, dtype=dtype, device=device)


def _namespace(x: Any) -> Any:
    """numpy, or torch for a torch tensor (which can only exist once torch has been imported)."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(x, torch.Tensor) else np


def _constant(x: Any) -> Any:
    return x.detach() if hasattr(x, "detach") else x
