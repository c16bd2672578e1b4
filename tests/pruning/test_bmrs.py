"""Delta F against its definition, E_q[p~/p], integrated by mpmath; nothing here knows the closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import mpmath as mp
import numpy as np
import pytest
from mpmath import mpf

from sbp.pruning.bmrs import (
    CUTOFF_BITS,
    DIRAC_SCALE,
    FLOAT_BITS,
    RELEASED_CODE_OFFSET,
    delta_f_normal,
    delta_f_uniform,
)
from tests.distributions.box import INTERVALS, LOG_SCALE, MARGIN
from tests.distributions.oracle import Truth

PAPER = (-20.0, 0.0)
Density = Callable[[mpf], mpf]


def points(low: float, high: float, n: int = 8) -> list[tuple[float, float]]:
    """(mu, log sigma): the corners and edges of the working box, where formulas break, and random points of it."""
    draw = np.random.default_rng(int(1000 * (high - low)))
    corners = [(mu, s) for mu in (low - MARGIN, low, high, high + MARGIN) for s in (LOG_SCALE[0], 0.0, LOG_SCALE[1])]
    inside = zip(draw.uniform(low - MARGIN, high + MARGIN, n), draw.uniform(*LOG_SCALE, n), strict=True)
    return corners + [(float(mu), float(s)) for mu, s in inside]


def by_definition(q: Truth, reduced: Density, low: mpf, high: mpf, width: mpf, mode: mpf) -> float:
    """log of the integral of q(x) p~(x) / p(x) over [low, high], where p~ lives; p(x) = 1 / (b - a).

    mode, width: where the integrand is largest and how fast it falls there, so that the quadrature does not miss it.
    """
    steps = [mode + sign * width * k for sign in (-1, 1) for k in (0, 0.5, 1, 2, 4, 8, 16, 32)]
    edges = [low, *sorted({x for x in steps if low < x < high}), high]
    return float(mp.log(mp.quad(lambda x: q.density_log(x) * reduced(x) * (q.b - q.a), edges)))


def normal_by_definition(mu: float, log_scale: float, low: float, high: float) -> float:
    q = Truth.of(mu, math.exp(log_scale), low, high)
    narrowed = Truth.of(low, DIRAC_SCALE, low, high)
    # Both densities are bells: their product peaks between the two, or at a.
    rate = (q.mu - q.a) / q.sigma**2
    mode = q.a + max(rate, 0) / (1 / q.sigma**2 + 1 / narrowed.sigma**2)
    width = 1 / (1 / narrowed.sigma + max(-rate, 0))
    return by_definition(q, narrowed.density_log, q.a, q.b, width, mode)


def uniform_by_definition(mu: float, log_scale: float, low: float, high: float) -> float:
    q = Truth.of(mu, math.exp(log_scale), low, high)
    start, end = max(q.a, q.b - FLOAT_BITS * mp.log(2)), q.b - CUTOFF_BITS * mp.log(2)
    mode = min(max(q.mu, start), end)
    width = 1 / (1 / q.sigma + abs(q.mu - mode) / q.sigma**2)
    return by_definition(q, lambda x: 1 / (end - start), start, end, width, mode)


@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_bmrs_n_is_its_definition_all_over_the_working_box(low: float, high: float) -> None:
    with mp.workdps(40):
        mus, log_scales = zip(*points(low, high), strict=True)
        truth = [normal_by_definition(mu, s, low, high) for mu, s in points(low, high)]
    np.testing.assert_allclose(delta_f_normal(mus, log_scales, low, high), truth, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("low", "high"), [(low, high) for low, high in INTERVALS if high - low > 5.6])
def test_bmrs_u_is_its_definition_all_over_the_working_box(low: float, high: float) -> None:
    with mp.workdps(40):
        mus, log_scales = zip(*points(low, high), strict=True)
        truth = [uniform_by_definition(mu, s, low, high) for mu, s in points(low, high)]
    np.testing.assert_allclose(delta_f_uniform(mus, log_scales, low, high), truth, rtol=1e-11, atol=1e-11)


def printed(mu: float, sigma: float, number: type, context: mp.MPContext | ModuleType) -> float:
    """Eq. 8 as it stands in the paper, with a and b for its log a and log b."""
    a, b, mu, var_q = number(-20), number(0), number(mu), number(sigma) ** 2
    var_p = number(1e-6) ** 2
    var = 1 / (1 / var_q + 1 / var_p)
    centre = var * (mu / var_q + a / var_p)

    def z(loc: float, variance: float) -> float:
        root = context.sqrt(2 * variance)
        return (context.erf((b - loc) / root) - context.erf((a - loc) / root)) / 2

    bracket = mu * mu / var_q + a * a / var_p - centre * centre / var
    return (
        context.log(z(centre, var) * (b - a) / (z(a, var_p) * z(mu, var_q)))
        + context.log(var / (2 * context.pi * var_p * var_q)) / 2
        - bracket / 2
    )


def test_the_printed_formula_is_right_but_not_in_float64() -> None:
    """Digits enough, and it agrees; in float64 its last bracket is made of two numbers of 4e14."""
    units = [(-15.0, 7.0), (-3.0, 2.0), (0.0, 20.0), (-19.0, 1.0)]
    ours = delta_f_normal([mu for mu, _ in units], [math.log(sigma) for _, sigma in units])
    with mp.workdps(60):
        exact = [float(printed(mu, sigma, mpf, mp)) for mu, sigma in units]
    np.testing.assert_allclose(ours, exact, rtol=1e-9)
    rounded = np.array([printed(mu, sigma, float, math) for mu, sigma in units])
    assert np.abs(rounded - exact).max() > 1e-3


def test_the_released_code_differs_by_the_constant_that_it_drops() -> None:
    """2 pi inside half a logarithm."""
    assert pytest.approx(0.9189385332046727) == RELEASED_CODE_OFFSET


@pytest.mark.parametrize("delta_f", [delta_f_normal, delta_f_uniform])
def test_a_unit_that_knows_nothing_sits_at_zero(delta_f: Callable[..., np.ndarray]) -> None:
    """q tends to the prior as sigma grows, and Delta F to 0 as 1 / sigma^2; below the prior out, above it kept."""
    found = delta_f(-4.0, np.log([1e2, 1e3, 1e4]))
    np.testing.assert_allclose(found[1:] / found[:-1], 1e-2, rtol=1e-2)
    assert np.all(delta_f([-15.0, -16.0], [2.0, 2.0]) > 0)
    assert np.all(delta_f([-1.0, 0.0], [-1.0, -5.0]) < 0)


def test_near_the_prior_bmrs_n_removes_the_lowest_third_of_mu_alone() -> None:
    """Where the SNR of every one of these is the prior's own to three digits."""
    for low, high in (PAPER, (-10.0, 2.0)):
        third, step = low + (high - low) / 3, (high - low) / 50
        at = delta_f_normal([low, third - step, third + step, high], np.log(30 * (high - low)), low, high)
        assert (at > 0).tolist() == [True, True, False, False]
        assert np.all(at + RELEASED_CODE_OFFSET > 0)


def test_bmrs_u_keeps_a_unit_below_what_a_float_resolves() -> None:
    """All of q between e^-20 and 2^-23 = e^-15.9: the definition finds nothing of it in [a', b'], odd as that is."""
    assert delta_f_uniform(-20.0, -2.0) < 0 < delta_f_normal(-20.0, -2.0)


def test_on_an_interval_too_short_for_the_cutoff_nothing_counts_as_nothing() -> None:
    assert delta_f_uniform([-5.0, -1.0], [0.0, 1.0], -5.0, 0.0).tolist() == [-np.inf, -np.inf]
    assert np.isfinite(delta_f_uniform([-3.0], [0.0], -6.0, 0.0)).all()


def test_float32_parameters_are_worked_on_in_float64() -> None:
    draw = np.random.default_rng(0)
    mu, log_scale = draw.uniform(-25, 5, 50).astype(np.float32), draw.uniform(-8, 5, 50).astype(np.float32)
    for delta_f in (delta_f_normal, delta_f_uniform):
        found = delta_f(mu, log_scale, *PAPER)
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, delta_f(mu.astype(float), log_scale.astype(float), *PAPER))
