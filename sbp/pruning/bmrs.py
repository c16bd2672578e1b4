"""Bayesian model reduction: by how much the evidence for a unit grows when its prior is narrowed to "nearly nothing".

Wright, Igel and Selvan, "BMRS: Bayesian Model Reduction for Structured Pruning", NeurIPS 2024 (arXiv 2406.01345),
whose equation numbers stand below. Two priors p and p~ over one likelihood: Bayes' rule for both gives

    p~(D) / p(D) = E_{p(theta|D)}[p~(theta) / p(theta)],    so    exp(Delta F) = E_q[p~(theta) / p(theta)]    (eq. 5, 6)

with q in the place of the posterior. In x = log theta the prior p is uniform on [a, b], so exp(Delta F) is
(b - a) times the integral of q(x) p~(x). A unit is removed where Delta F >= 0; a unit that knows nothing (q = p) has
Delta F = 0 whatever p~ is, so its sign says on which side of the prior a unit lies. In nats.

BMRS_N, p~ = N(a, s^2) on [a, b]. Let y = x - a and q(x) = q(a) e^{h(y)} with h(y) = -y (y + 2 (a - mu)) / (2 sigma^2).
Then Delta F = log((b - a) q(a)) + log E_p~[e^h], and completing the square with v = 1 / (1/s^2 + 1/sigma^2) and
d = v (mu - a) / sigma^2 gives  h - y^2 / (2 s^2) = -(y - d)^2 / (2 v) + d^2 / (2 v).
This is eq. 8 with its terms in another order. Eq. 8 as printed is right, but its last bracket adds and subtracts
a^2 / s^2 = 4e14 at the paper's own s, which leaves a float64 one digit, and its Z_q underflows 38 sigma outside
[a, b]; below, no term is larger than the answer. The authors' released code drops the 2 pi of eq. 8: its Delta F is
larger by `RELEASED_CODE_OFFSET` everywhere, so it also removes units that are on the prior or a little off it. Of those
eq. 8 itself removes only the ones with mu < a + (b - a) / 3 (expand log((b - a) q(a)) in 1 / sigma^2): training widens
sigma and leaves mu near b, so at Delta F = 0 it may keep every unit that the SNR prunes.

BMRS_U, p~ uniform on [a', b']: exp(Delta F) = (b - a) / (b' - a') q(a' <= x <= b')    (eq. 10). A unit with theta
below a' is kept by it, since p~ knows no such theta; so it splits units into two groups and ranks them badly (their
section 5 finds as much).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sbp.distributions import moments

# s: how far from a the narrowed prior of BMRS_N lets log theta go; the paper's s^2 = 1e-12, its mean is a (section 5).
DIRAC_SCALE = 1e-6
# p1 and p2 of BMRS_U: theta in [2^-p2, 2^-p1] is nothing. p2: what a float32 resolves; p1: 8 in the paper, or 4.
CUTOFF_BITS, FLOAT_BITS = 8, 23
# log sqrt(2 pi), by which the authors' code shifts Delta F of BMRS_N.
RELEASED_CODE_OFFSET = math.log(2 * math.pi) / 2


def delta_f_normal(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """Delta F of BMRS_N of each unit, float64 of the arrays' shape, in nats (eq. 8).

    loc, log_scale: mu and log sigma. A narrow unit far above a has an enormous negative one, which stays finite.

    >>> delta_f_normal([-15.0, 0.0, 0.0], [2.0, 3.0, -5.0]).round(3).tolist()
    [0.163, -0.341, -4405284.999]
    """
    loc, scale, low, high = _float64(loc, log_scale, log_low, log_high)
    length, s = high - low, np.full_like(loc, DIRAC_SCALE)
    variance = 1 / (s**-2 + scale**-2)
    d = variance * ((loc - low) / scale**2)
    zero = np.zeros_like(loc)
    both = moments.peak(d, np.sqrt(variance), zero, length)
    narrowed = moments.peak(zero, s, zero, length)
    at_mode = both.mode * (2 * d - both.mode) / (2 * variance)
    expectation = at_mode + both.log_mass - narrowed.log_mass
    return np.log(length) + moments.log_density_of_log(low, loc, scale, low, high) + expectation


def delta_f_uniform(loc: Any, log_scale: Any, log_low: float = -20.0, log_high: float = 0.0) -> np.ndarray:
    """Delta F of BMRS_U of each unit, float64 of the arrays' shape, in nats (eq. 10).

    The bits are counted below the largest theta, e^b (1 in the paper), and [a', b'] is cut to [a, b]. Where nothing of
    it is left (an interval shorter than 8 log 2 = 5.5) no theta counts as nothing: Delta F = -inf, all is kept.

    >>> delta_f_uniform([-15.0, 0.0, 0.0], [2.0, 3.0, -5.0]).round(3).tolist()
    [0.172, 0.004, -338652.105]
    """
    loc, scale, low, high = _float64(loc, log_scale, log_low, log_high)
    start = np.maximum(low, high - FLOAT_BITS * math.log(2))
    end = high - CUTOFF_BITS * math.log(2)
    if not np.all(start < end):
        return np.full_like(loc, -np.inf)
    whole, part = moments.peak(loc, scale, low, high), moments.peak(loc, scale, start, end)
    return np.log((high - low) / (end - start)) + moments.log_mean_power(loc, scale, whole, part, 0)


def _float64(loc: Any, log_scale: Any, log_low: float, log_high: float) -> tuple[np.ndarray, ...]:
    """mu, sigma, a and b as float64 of one shape: Delta F asks for more digits than a float32 network has."""
    loc, log_scale = np.asarray(loc, np.float64), np.asarray(log_scale, np.float64)
    loc, scale, low, high = np.broadcast_arrays(loc, np.exp(log_scale), np.float64(log_low), np.float64(log_high))
    return loc, scale, low, high
