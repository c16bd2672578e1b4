"""Draws: distributed as they should be, distinct, inside the support, and with a gradient everywhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from sbp.distributions import LogUniform, TruncatedLogNormal
from sbp.distributions.fast import sample_theta
from sbp.distributions.printed_formulas import sample_eq18
from sbp.distributions.truncated_log_normal import sample_log_theta
from tests.distributions import box

DTYPES = (torch.float64, torch.float32)


def seeded(seed: int) -> None:
    torch.manual_seed(seed)


def test_draws_follow_the_cdf(points: box.Points) -> None:
    """Kolmogorov-Smirnov on 2,000 draws at 60 points. With right code a false alarm in one run of 10,000 seeds.

    The seed is fixed, so this either always passes or always fails; 1e-4 / 60 is each point's level.
    """
    seeded(3)
    some = slice(None, None, max(1, len(points.loc) // 60))
    q = TruncatedLogNormal(*(torch.tensor(x[some]) for x in (points.loc, points.scale, points.low, points.high)))
    u = q.cdf(q.rsample((2000,)))
    # Where log theta varies by less than 1e-10 its rounding shows in the CDF as steps.
    wide = ((q.stddev / q.mean) > 1e-10).nonzero()[:, 0].tolist()
    assert len(wide) > 50
    for i in wide:
        assert stats.kstest(u[:, i].numpy(), "uniform").pvalue > 1e-4 / 60


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_training_sampler_follows_the_cdf(dtype: torch.dtype) -> None:
    """Kolmogorov-Smirnov on 5,000 draws of seven units; fixed seed, false alarm in one seed of 10,000."""
    loc = torch.tensor([0.0, 0.1, -3.0, -10.0, -22.0, 0.02, -1.0], dtype=dtype)
    scale = torch.tensor([-5.0, -5.0, 0.0, 4.5, -1.0, -5.0, 2.0], dtype=dtype).exp()
    low, high = torch.tensor(-20.0, dtype=dtype), torch.tensor(0.0, dtype=dtype)
    x = sample_log_theta(loc, scale, low, high, 5000, torch.Generator().manual_seed(1))
    q = TruncatedLogNormal(loc.double(), scale.double())
    u = q.cdf(x.double().exp())
    for i in range(len(loc)):
        assert stats.kstest(u[:, i].numpy(), "uniform").pvalue > 1e-4 / 7


def test_distinct_inside_and_alive_everywhere_in_float64(points: box.Points) -> None:
    """Distinct: all but a few of 1,000 draws, wherever theta varies by more than 1,000 roundings of itself."""
    seeded(0)
    loc, scale, low, high = points.tensors(torch.float64)
    q = TruncatedLogNormal(loc, scale, low, high)
    theta = q.rsample((1000,))
    assert q.support.check(theta).all()
    assert torch.isfinite(q.log_prob(theta)).all()
    by_loc, by_scale = torch.autograd.grad(theta.log().mean(0).sum(), (loc, scale))
    assert torch.isfinite(by_loc).all()
    assert torch.isfinite(by_scale).all()
    assert (by_loc > 0).all()
    spread = np.array([float(truth.spread()) for truth in points.truths()])
    distinct = np.array([len(column.unique()) for column in theta.detach().T])
    steps = spread / 2.2e-16 / np.maximum(-points.low, 1)
    assert steps.min() > 1e5  # so that in float64 the support never collapses within the box
    assert (distinct >= 990).all()


def test_distinct_inside_and_alive_everywhere_in_float32(points: box.Points) -> None:
    """As in float64 where a float32 has numbers between the draws; elsewhere theta is the nearest one, and alive."""
    seeded(0)
    loc, scale, low, high = points.tensors(torch.float32)
    q = TruncatedLogNormal(loc, scale, low, high)
    theta = q.rsample((1000,))
    assert theta.dtype == torch.float32
    assert q.support.check(theta).all()
    held = torch.tensor(points.low) > -87  # e^-87 is the smallest normal float32
    assert torch.isfinite(q.log_prob(theta)[:, held]).all()
    by_loc, by_scale = torch.autograd.grad((theta / q.mean.detach().clamp(min=1e-37)).mean(0).sum(), (loc, scale))
    assert torch.isfinite(by_loc).all()
    assert torch.isfinite(by_scale).all()
    assert (by_loc[held] > 0).all()
    spread = np.array([float(truth.spread()) for truth in points.truths()])
    distinct = np.array([len(column.unique()) for column in theta.detach().T])
    roomy = (spread > 1e-2) & held.numpy()
    assert roomy.sum() > 100
    assert (distinct[roomy] >= 980).all()


def test_where_the_usual_code_returns_one_value() -> None:
    """At mu = 0.05, log sigma = -5, eq. 18 as usually clipped gives one theta without a gradient.

    Ours are distinct as far as float32 has numbers there (some 20,000 a spread; 300 at mu = 3), and alive.
    """
    seeded(0)
    low, high = torch.tensor(-20.0), torch.tensor(0.0)
    for mu in (0.05, 0.1, 3.0, -20.2):
        loc = torch.tensor([mu], requires_grad=True)
        scale = torch.tensor([-5.0]).exp()
        usual = sample_eq18(torch.rand(10_000, 1), loc, scale, low, high)
        assert len(usual.unique()) == 1
        assert torch.autograd.grad(usual.sum(), loc)[0] == 0
        ours = TruncatedLogNormal(loc, scale, low, high).rsample((10_000,))
        x = sample_log_theta(loc, scale, low, high, 10_000)
        assert len(ours.unique()) > (5_000 if mu == 0.05 else 500)
        assert torch.autograd.grad(ours.log().sum(), loc)[0] > 0
        assert torch.autograd.grad(x.sum(), loc)[0] > 0


def test_gradient_of_draws_averages_to_the_gradient_of_the_mean() -> None:
    """E[d theta / d phi] = d E[theta] / d phi, over 20,001 evenly spaced uniforms: to 1e-3, in every regime."""
    loc = torch.tensor([-0.3, -9.0, 0.05, 4.0, -3.0, -22.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 0.6, 0.0067, 1.0, 60.0, 0.5], dtype=torch.float64, requires_grad=True)
    q = TruncatedLogNormal(loc, scale)
    u = ((torch.arange(20_001, dtype=torch.float64) + 0.5) / 20_001)[:, None]
    theta = q.icdf(u).mean(0)
    torch.testing.assert_close(theta, q.mean, rtol=1e-4, atol=0)
    pathwise = torch.autograd.grad(theta.sum(), (loc, scale))
    direct = torch.autograd.grad(q.mean.sum(), (loc, scale))
    for mine, theirs in zip(pathwise, direct, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_training_sampler_is_the_plain_quantile(dtype: torch.dtype, points: box.Points) -> None:
    """The fast thing equals the plain thing: float64 icdf of the same uniforms, all regimes at once.

    float32: log theta to 1e-3 of its spread besides its own rounding, dx/dmu and dx/d log sigma to 1e-3 of what they
    are in the middle, which is 1 at most for dx/dmu.
    """
    loc, scale, low, high = points.tensors(dtype)
    x = sample_log_theta(loc, scale, low, high, 200, torch.Generator().manual_seed(0))
    u = torch.rand(200, len(loc), dtype=dtype, generator=torch.Generator().manual_seed(0))
    mu, sigma, a, b = points.tensors(torch.float64)
    plain = torch.log(TruncatedLogNormal(mu, sigma, a, b).icdf(u.double()))
    assert ((x >= low) & (x <= high)).all()
    spread = torch.tensor([float(truth.spread()) for truth in points.truths()])
    rounding = torch.finfo(dtype).eps * torch.maximum(a.abs(), b.abs()).clamp(min=1)
    error = (x.double() - plain).abs().detach()
    assert (error <= 1e-3 * spread + 2 * rounding).all()
    for row in range(0, 200, 40):  # one draw a unit: its own derivatives
        mine = torch.autograd.grad(x[row].sum(), (loc, scale), retain_graph=True)
        theirs = torch.autograd.grad(plain[row].sum(), (mu, sigma), retain_graph=True)
        for one, other, unit in zip(mine, theirs, (torch.ones_like(sigma), sigma.detach()), strict=True):
            off = (one.double() - other).abs() * unit
            assert (off <= 1e-3 * (other.abs() * unit) + 1e-5 * torch.maximum(spread, torch.tensor(1e-3))).all()


def test_sample_theta_is_exp_of_it_and_repeats_with_its_generator() -> None:
    loc, scale = torch.tensor([0.0, -3.0]), torch.tensor([0.1, 2.0])
    low, high = torch.tensor(-20.0), torch.tensor(0.0)
    one, two = (torch.Generator().manual_seed(7) for _ in range(2))
    theta = sample_theta(loc, scale, low, high, 50, one)
    assert theta.shape == (50, 2)
    assert torch.equal(theta, sample_log_theta(loc, scale, low, high, 50, two).exp())
    assert not torch.equal(theta, sample_theta(loc, scale, low, high, 50, one))


def test_log_uniform_draws() -> None:
    """Kolmogorov-Smirnov, fixed seed, false alarm in one seed of 10,000; inside the support; differentiable in a, b."""
    seeded(5)
    low, high = torch.tensor(-20.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    p = LogUniform(low, high)
    theta = p.rsample((5000,))
    assert p.support.check(theta).all()
    assert stats.kstest(p.cdf(theta).detach().numpy(), "uniform").pvalue > 1e-4
    by_low, by_high = torch.autograd.grad(theta.log().mean(), (low, high))
    assert by_low.item() == pytest.approx(0.5, abs=0.02)
    assert by_high.item() == pytest.approx(0.5, abs=0.02)
