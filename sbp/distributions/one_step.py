"""One training step of one unit, stage by stage: a draw, the error it makes, two gradients, and what Adam does."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sbp.distributions import moments

TARGET = 1.0  # of the unit's only task: its output is theta, as its input and the weight that reads it are 1
EXAMPLES = 10  # n, that share the KL
RATE = 0.1  # Adam's, of mu and log sigma
_EPSILON = 1e-8  # Adam's


class OneStep(NamedTuple):
    """What `one_step` computes, in its order; x is log theta, and y_by_x is dy/dx."""

    u: float
    x: float
    theta: float
    nll: float
    x_by_loc: float
    x_by_log_scale: float
    nll_by_loc: float
    nll_by_log_scale: float
    kl_by_loc: float
    kl_by_log_scale: float
    loc: float
    log_scale: float
    mean: float
    snr: float


def one_step(loc: float, log_scale: float, low: float, high: float, draw: int = 0) -> OneStep:
    """Adam's first step on loss = nll + KL / n with nll = (1 - theta)^2 / 2, for one unit and one draw of theta.

        x = mu + sigma z,   Phi(z) = Phi(alpha) + u Z,   alpha = (a - mu)/sigma,   beta = (b - mu)/sigma
        dx/dmu = 1 - r(0),   dx/dlog sigma = sigma (z - r(1)),
        r(k) = ((1 - u) alpha^k phi(alpha) + u beta^k phi(beta)) / phi(z)

    Args:
        loc, log_scale: mu and log sigma, in nats.
        low, high: a and b, in nats.
        draw: which u; the same number is the same u, uniform on 0 to 1.

    Returns:
        The draw, the derivatives (those of the KL already divided by n), mu and log sigma after the step, and the mean
        and the SNR that these have.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 12, 17 and 18.

    >>> step = one_step(0.0, 0.0, -20.0, 0.0)
    >>> 0 < step.theta < 1, step.nll_by_log_scale > 0 > step.kl_by_log_scale
    (True, True)
    """
    sigma, u = math.exp(log_scale), float(np.random.default_rng(draw).uniform(1e-6, 1 - 1e-6))
    unit = tuple(np.float64(value) for value in (loc, sigma, low, high))
    x = _quantile(u, *unit)
    alpha, z, beta = ((value - loc) / sigma for value in (low, x, high))
    # phi(alpha)/phi(z) and phi(beta)/phi(z), by a difference that keeps its digits far from mu.
    lower, upper = (math.exp((z - end) * (z + end) / 2) for end in (alpha, beta))
    x_by_loc = 1 - ((1 - u) * lower + u * upper)
    x_by_log_scale = sigma * (z - ((1 - u) * alpha * lower + u * beta * upper))
    theta = math.exp(x)
    by_x = (theta - TARGET) * theta
    _, kl_by_loc, kl_by_scale = (float(value) / EXAMPLES for value in moments.kl_and_gradient(*unit))
    by_loc, by_log_scale = by_x * x_by_loc + kl_by_loc, by_x * x_by_log_scale + kl_by_scale * sigma
    after = loc - _adam(by_loc), log_scale - _adam(by_log_scale)
    return OneStep(
        u=u,
        x=x,
        theta=theta,
        nll=(TARGET - theta) ** 2 / 2,
        x_by_loc=x_by_loc,
        x_by_log_scale=x_by_log_scale,
        nll_by_loc=by_x * x_by_loc,
        nll_by_log_scale=by_x * x_by_log_scale,
        kl_by_loc=kl_by_loc,
        kl_by_log_scale=kl_by_scale * sigma,
        loc=after[0],
        log_scale=after[1],
        mean=float(moments.mean(*after, low, high)),
        snr=float(moments.snr(*after, low, high)),
    )


def _adam(gradient: float) -> float:
    """How far Adam's first step goes: its rate, whatever the gradient's size."""
    return RATE * gradient / (abs(gradient) + _EPSILON)


def _quantile(u: float, loc: np.float64, scale: np.float64, low: np.float64, high: np.float64) -> float:
    """x with P(log theta <= x) = u, by 50 bisections."""
    odds, bottom, top = math.log(u / (1 - u)), low, high
    with np.errstate(divide="ignore"):  # all mass may lie on one side
        for _ in range(50):
            middle = (bottom + top) / 2
            below = moments.log_odds_of_log(middle, loc, scale, low, high) < odds
            bottom, top = (middle, top) if below else (bottom, middle)
    return float((bottom + top) / 2)
