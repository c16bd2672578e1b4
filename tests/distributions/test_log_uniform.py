"""The prior against SciPy's loguniform and mpmath, on long intervals and very short ones."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from sbp.distributions import LogUniform, moments

INTERVALS = [(-20.0, 0.0), (-3.0, 3.0), (-200.0, 0.0), (-5.0, 0.0), (-1e-3, 0.0), (-0.6, -0.001), (1.0, 1.5)]
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}


def exact(low: mp.mpf, high: mp.mpf) -> dict[str, mp.mpf]:
    """The integrals of theta and theta^2 against 1 / (theta (b - a)), by hand."""
    length = high - low
    mean = (mp.exp(high) - mp.exp(low)) / length
    square = (mp.exp(2 * high) - mp.exp(2 * low)) / (2 * length)
    variance = square - mean**2
    return {
        "mean": mean,
        "variance": variance,
        "stddev": mp.sqrt(variance),
        "snr": mean / mp.sqrt(variance),
        "entropy": mp.log(length) + (low + high) / 2,
        "mode": mp.exp(low),
        "median": mp.exp((low + high) / 2),
    }


def value(p: LogUniform, name: str) -> Tensor:
    return p.entropy() if name == "entropy" else getattr(p, name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("low", "high"), INTERVALS)
def test_values_and_gradients(low: float, high: float, dtype: torch.dtype) -> None:
    """Relative to the truth; gradients in a and b relative to the larger of the two."""
    a, b = (torch.tensor(x, dtype=dtype, requires_grad=True) for x in (low, high))
    p, at = LogUniform(a, b), (mp.mpf(a.item()), mp.mpf(b.item()))
    step = mp.mpf(10) ** -25
    for name, true in exact(*at).items():
        found = value(p, name)
        by = [g.item() for g in torch.autograd.grad(found, (a, b), allow_unused=True, materialize_grads=True)]
        want = [
            (
                exact(at[0] + step * i, at[1] + step * (1 - i))[name]
                - exact(at[0] - step * i, at[1] - step * (1 - i))[name]
            )
            / (2 * step)
            for i in (1, 0)
        ]
        smallest = torch.finfo(dtype).tiny
        assert abs(found.item() - true) <= max(TOLERANCE[dtype] * abs(true), smallest), name
        size = max(map(abs, want))
        for mine, right in zip(by, want, strict=True):
            assert np.isfinite(mine)
            assert abs(mine - right) <= max(10 * TOLERANCE[dtype] * size, smallest), name


@pytest.mark.parametrize(("low", "high"), [(-20.0, 0.0), (-3.0, 3.0), (-0.6, -0.001)])
def test_against_scipy(low: float, high: float) -> None:
    theirs = stats.loguniform(np.exp(low), np.exp(high))
    p = LogUniform(torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64))
    theta = torch.linspace(low + 1e-9, high - 1e-9, 51, dtype=torch.float64).exp()
    u = torch.linspace(0, 1, 51, dtype=torch.float64)
    np.testing.assert_allclose(p.log_prob(theta), theirs.logpdf(theta), rtol=1e-10)
    np.testing.assert_allclose(p.cdf(theta), theirs.cdf(theta), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(p.icdf(u), theirs.ppf(u), rtol=1e-10)
    np.testing.assert_allclose(p.mean, theirs.mean(), rtol=1e-10)
    np.testing.assert_allclose(p.variance, theirs.var(), rtol=1e-7)
    np.testing.assert_allclose(p.entropy(), theirs.entropy(), rtol=1e-9)


def test_gradcheck() -> None:
    ends = torch.tensor([-3.0, 1.0], dtype=torch.float64, requires_grad=True)
    at = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    for name in ("icdf", "cdf", "log_prob"):
        assert torch.autograd.gradcheck(lambda x, e, name=name: getattr(LogUniform(e[0], e[1]), name)(x), (at, ends))


def test_the_priors_snr_depends_on_the_length_alone() -> None:
    """0.81, 0.50, 0.333, 0.229 at L = 5, 10, 20, 40; 1 at L = 3.83; and about sqrt(12) / L on a short interval."""
    for length, snr in ((5, 0.81), (10, 0.50), (20, 0.333), (40, 0.229), (3.83, 1.0)):
        for low in (-length, -length / 2, 3.0):
            digits = 3 if length >= 20 else 2
            assert round(moments.prior_snr(low, low + length), digits) == snr
            assert round(LogUniform(low, low + length).snr.item(), digits) == snr
    assert moments.prior_snr(0.0, 1e-6) == pytest.approx(12**0.5 * 1e6)
    lengths = np.linspace(0.55, 0.65, 101)  # across the change of form
    slopes = np.diff([moments.prior_snr(0.0, x) * x for x in lengths])
    assert (np.abs(np.diff(slopes)) < 1e-5).all()
