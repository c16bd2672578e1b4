"""Every quantity of the truncated log-normal, and its gradient, against mpmath over the whole box."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal
from tests.distributions import box
from tests.distributions.oracle import Truth, gradient

DTYPES = (torch.float64, torch.float32)

QUANTITIES: dict[str, Callable[[TruncatedLogNormal], Tensor]] = {
    "mean": lambda q: q.mean,
    "variance": lambda q: q.variance,
    "stddev": lambda q: q.stddev,
    "snr": lambda q: q.snr,
    "entropy": lambda q: q.entropy(),
    "kl": lambda q: kl_divergence(q, LogUniform(q.log_low, q.log_high)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", QUANTITIES)
def test_value_and_gradient_in_the_box(
    name: str, dtype: torch.dtype, points: box.Points, exact: dict[str, box.Exact]
) -> None:
    loc, scale, low, high = points.tensors(dtype)
    value = QUANTITIES[name](TruncatedLogNormal(loc, scale, low, high))
    assert value.dtype == dtype
    box.compare(dtype, points, value, loc, scale, exact[name])


# The quantiles at which log_prob and cdf are looked at, deep tails included.
LEVELS = (1e-9, 0.02, 0.5, 0.97, 1 - 1e-7)
# Below this theta a float32 cannot hold d/d theta, which is a density.
SMALLEST_THETA = {torch.float64: 0.0, torch.float32: 1e-20}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("u", LEVELS)
def test_cdf_and_log_prob_at_a_point(u: float, dtype: torch.dtype, points: box.Points) -> None:
    """Values and derivatives in mu, log sigma and theta, against the truth at exactly the theta given."""
    loc, scale, low, high = points.tensors(dtype)
    q = TruncatedLogNormal(loc, scale, low, high)
    theta = points.distribution(torch.float64).icdf(torch.tensor(u).double()).detach().to(dtype)
    theta.clamp_(q.support.lower_bound, q.support.upper_bound).requires_grad_()
    found = {"cdf": q.cdf(theta), "log_prob": q.log_prob(theta)}
    by = {name: torch.autograd.grad(x.sum(), (loc, scale, theta)) for name, x in found.items()}
    held = theta > SMALLEST_THETA[dtype]
    for name, value in found.items():
        assert all(torch.isfinite(x[held]).all() for x in (value, *by[name]))
        assert torch.isfinite(torch.stack(by[name][:2])).all()
    checked = 0
    for i in held.nonzero()[:, 0].tolist():
        truth, at = points.truth(i), mp.mpf(theta[i].item())
        x = mp.log(at)
        room = min(truth.spread(), x - truth.a, truth.b - x)
        if room <= 0:  # rounded to an end of the support: cdf is 0 or 1
            continue
        checked += 1
        # Right relative to what is natural to each: derivatives in mu and log sigma to the larger of the two, and
        # the score s of log_prob to its spread. The rounding of log theta itself cannot be mended.
        tolerance = box.TOLERANCE[dtype] + 2e-15 * float(max(1, abs(x)) / room)
        natural_score = truth.spread() / truth.sigma**2
        for name, quantity in (("cdf", Truth.cdf), ("log_prob", Truth.log_prob)):
            right = [quantity(truth, at), *gradient(truth, partial(quantity, theta=at))]
            if name == "cdf":
                slope, sizes = truth.density_log(x) / at, (right[0], natural_score * right[0], 0)
            else:
                slope = -((x - truth.mu) / truth.sigma**2 + 1) / at
                sizes = (1, natural_score, 1 / at)
            steepest = max(abs(right[1]), abs(right[2]), sizes[1] if name == "log_prob" else 0)
            scales = (max(abs(right[0]), sizes[0]), steepest, steepest, abs(slope) + sizes[2])
            mine = (found[name][i], by[name][0][i], by[name][1][i] * scale[i], by[name][2][i])
            for number, want, size in zip(mine, (*right, slope), scales, strict=True):
                error = abs(number.item() - want)
                assert error <= max(tolerance * size, box.SMALLEST[dtype]), (name, points.at(i), u, number, want)
    assert checked > len(theta) / 3


@pytest.mark.parametrize("u", [2.0**-30, 0.03, 0.5, 0.9, 1 - 2.0**-23])
def test_quantile_in_the_box(u: float, points: box.Points) -> None:
    """icdf and its gradient in float64: log theta to 1e-6 of its spread, dx/dmu and dx/d log sigma to 1e-6.

    dx/dmu lies in [0, 1]; towards an end of the support it goes to 0, and 1e-13 is as near as it is known there.
    """
    loc, scale, low, high = points.tensors(torch.float64)
    x = torch.log(TruncatedLogNormal(loc, scale, low, high).icdf(torch.tensor(u).double()))
    by_loc, by_scale = torch.autograd.grad(x.sum(), (loc, scale))
    for i in range(len(x)):
        truth = points.truth(i)
        at = newton(truth, mp.mpf(x[i].item()), u)
        rounding = 4e-16 * max(abs(at), 1)
        assert abs(x[i].item() - at) <= 1e-6 * truth.spread() + rounding
        want = truth.quantile_gradient(at)
        size = max(abs(want[0]), abs(want[1]))
        for mine, right in zip((by_loc[i], by_scale[i] * scale[i]), want, strict=True):
            assert abs(mine.item() - right) <= 1e-6 * size + 1e-13, points.at(i)


def newton(truth: Truth, start: mp.mpf, u: float) -> mp.mpf:
    """The quantile of u from a start that is nearly there; by bisection if it is not."""
    x = min(max(start, truth.a), truth.b)
    for _ in range(6):
        step = truth.nearer(x, u)
        if not truth.a < step < truth.b:
            break
        if abs(step - x) < mp.mpf(10) ** -25 * truth.spread():
            return step
        x = step
    return truth.quantile_log(u)


def test_quantile_in_float32_is_the_float64_one_rounded(points: box.Points) -> None:
    u = torch.tensor([2.0**-24, 0.25, 0.5, 0.875, 1 - 2.0**-24])[:, None]
    single, double = points.distribution(torch.float32).icdf(u), points.distribution(torch.float64).icdf(u.double())
    torch.testing.assert_close(single, double.float(), rtol=3e-7, atol=1e-44)


@pytest.mark.parametrize("dtype", DTYPES)
def test_mode_and_median(dtype: torch.dtype, points: box.Points) -> None:
    q = points.distribution(dtype)
    modes = np.array([float(truth.mode()) for truth in points.truths()])
    np.testing.assert_allclose(q.mode.detach().double(), modes, rtol=2e-7, atol=box.SMALLEST[dtype])
    assert q.cdf(q.median).shape == q.batch_shape
    truths = points.truths()[::11]
    medians = np.array([float(mp.exp(truth.quantile_log(0.5))) for truth in truths])
    np.testing.assert_allclose(q.median.detach().double()[::11], medians, rtol=2e-7, atol=box.SMALLEST[dtype])


def test_cdf_undoes_icdf(points: box.Points) -> None:
    q = points.distribution(torch.float64)
    u = torch.linspace(0.01, 0.99, 33, dtype=torch.float64)[:, None]
    # log theta is rounded to 4e-16 of itself: the CDF moves by that over the spread of log theta.
    spread = np.array([float(truth.spread()) for truth in points.truths()])
    blur = 4e-15 * np.maximum(-points.low, 1) / spread
    error = (q.cdf(q.icdf(u)) - u).abs().max(dim=0).values.detach().numpy()
    assert (error <= 1e-9 + blur).all()


@pytest.mark.parametrize(
    ("loc", "scale", "low", "high"),
    [(0.0, 1.0, -20.0, 0.0), (-2.0, 0.3, -3.0, 3.0), (0.5, 2.0, -1.0, 0.5), (-4.0, 0.5, -3.0, 3.0)],
)
def test_log_theta_is_scipys_truncnorm(loc: float, scale: float, low: float, high: float) -> None:
    theirs = stats.truncnorm((low - loc) / scale, (high - loc) / scale, loc=loc, scale=scale)
    q = TruncatedLogNormal(*torch.tensor([loc, scale, low, high], dtype=torch.float64))
    x = torch.linspace(low + 1e-6, high - 1e-6, 101, dtype=torch.float64)
    np.testing.assert_allclose(q.log_prob(x.exp()) + x, theirs.logpdf(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(q.cdf(x.exp()), theirs.cdf(x), rtol=1e-7, atol=1e-12)
    u = torch.linspace(0.001, 0.999, 101, dtype=torch.float64)
    np.testing.assert_allclose(q.icdf(u).log(), theirs.ppf(u), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(q.mean, theirs.expect(np.exp), rtol=1e-7)
    np.testing.assert_allclose(q.entropy(), theirs.entropy() + theirs.mean(), rtol=1e-7)
    np.testing.assert_allclose(q.median.log(), theirs.median(), rtol=1e-9)


def test_gradcheck() -> None:
    """Autograd's Jacobians against finite differences, float64, one unit in each regime of the quantile."""
    loc = torch.tensor([-0.3, -9.0, 0.4, -19.0, -3.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 1.5, 0.06, 30.0, 120.0], dtype=torch.float64, requires_grad=True)
    u = torch.tensor([[0.2], [0.9]], dtype=torch.float64, requires_grad=True)
    theta = torch.tensor([[0.3], [1e-4]], dtype=torch.float64, requires_grad=True)
    for quantity in QUANTITIES.values():
        assert torch.autograd.gradcheck(lambda m, s, f=quantity: f(TruncatedLogNormal(m, s)), (loc, scale))
    for name, at in (("icdf", u), ("cdf", theta), ("log_prob", theta)):
        assert torch.autograd.gradcheck(
            lambda x, m, s, name=name: getattr(TruncatedLogNormal(m, s), name)(x), (at, loc, scale), atol=1e-6
        )
