"""KL(q || p): registered, right where the intervals differ, and the same in training's own version."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal
from sbp.distributions.fast import kl_of_units
from tests.distributions import box
from tests.distributions.oracle import Truth

DTYPES = (torch.float64, torch.float32)


def test_registered_for_this_pair_only() -> None:
    q, p = TruncatedLogNormal(0.0, 1.0), LogUniform(-20.0, 0.0)
    assert round(kl_divergence(q, p).item(), 4) == 2.2699
    with pytest.raises(NotImplementedError):
        kl_divergence(q, Normal(0.0, 1.0))


def test_infinite_where_the_prior_does_not_cover() -> None:
    q = TruncatedLogNormal(torch.zeros(3, requires_grad=True), torch.ones(3), -10.0, 0.0)
    p = LogUniform(torch.tensor([-10.0, -9.0, -20.0]), torch.tensor([0.0, 0.0, -1.0]))
    kl = kl_divergence(q, p)
    assert torch.isfinite(kl).tolist() == [True, False, False]
    assert (kl[1:] == torch.inf).all()
    assert torch.isfinite(torch.autograd.grad(kl[0], q.loc)[0]).all()


def test_ends_rounded_to_another_dtype_still_cover() -> None:
    q = TruncatedLogNormal(torch.tensor(0.0), torch.tensor(1.0), -1e-3, 0.1)
    for p in (LogUniform(-1e-3, 0.1), LogUniform(*torch.tensor([-1e-3, 0.1], dtype=torch.float64))):
        assert 0 < kl_divergence(q, p) < 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_wider_prior_adds_the_logarithm_of_how_much(dtype: torch.dtype) -> None:
    q = TruncatedLogNormal(torch.tensor([-1.0, 3.0], dtype=dtype), torch.tensor([0.7, 90.0], dtype=dtype), -10.0, 2.0)
    p = LogUniform(torch.tensor(-30.0, dtype=dtype), torch.tensor(4.0, dtype=dtype))
    exact = [float(Truth.of(m, s, -10, 2).kl(-30, 4)) for m, s in zip(q.loc.tolist(), q.scale.tolist(), strict=True)]
    np.testing.assert_allclose(kl_divergence(q, p), exact, rtol=box.TOLERANCE[dtype] / 100)


def test_never_negative_and_gone_as_sigma_grows() -> None:
    """At mu = -1 it falls steadily to 0 as sigma grows (from log sigma = 0 on), and is 2e-15 at 1e5."""
    scale = torch.logspace(0, 5, 200, dtype=torch.float64)
    q = TruncatedLogNormal(torch.tensor(-1.0, dtype=torch.float64), scale)
    kl = kl_divergence(q, LogUniform(q.log_low, q.log_high))
    assert (kl > 0).all()
    assert (kl.diff() < 0).all()
    assert kl[-1] == pytest.approx(float(Truth.of(-1, 1e5, -20, 0).kl()), rel=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_trainings_version_is_the_plain_one(
    dtype: torch.dtype, points: box.Points, exact: dict[str, box.Exact]
) -> None:
    """kl_of_units in its parameters' own dtype: gradients to 1e-3 (1e-6), values to that or to absolute rounding."""
    loc, scale, low, high = points.tensors(dtype)
    value = kl_of_units(loc, scale, low, high)
    true, rounding = exact["kl"], 20 * torch.finfo(dtype).eps
    error = np.abs(value.detach().double().numpy() - true.value)
    assert (error <= box.TOLERANCE[dtype] * true.value + rounding).all()
    by_loc, by_scale = torch.autograd.grad(value.sum(), (loc, scale))
    size = np.maximum(np.abs(true.by_loc), np.abs(true.by_log_scale))
    assert (np.abs(by_loc.double().numpy() - true.by_loc) <= box.TOLERANCE[dtype] * size).all()
    assert (np.abs(by_scale.double().numpy() * points.scale - true.by_log_scale) <= box.TOLERANCE[dtype] * size).all()


def test_it_is_the_mean_of_the_log_ratio() -> None:
    """E_q[log q - log p] over 20,001 evenly spaced quantiles."""
    q = TruncatedLogNormal(torch.tensor([-0.5, 1.0, -12.0]).double(), torch.tensor([0.4, 3.0, 50.0]).double())
    p = LogUniform(q.log_low, q.log_high)
    theta = q.icdf(((torch.arange(20_001).double() + 0.5) / 20_001)[:, None])
    ratio = (q.log_prob(theta) - p.log_prob(theta)).mean(0)
    torch.testing.assert_close(kl_divergence(q, p), ratio, rtol=1e-3, atol=1e-6)


def test_golden() -> None:
    """At mu = 0.1, log sigma = -5 eq. 17 in float64 is NaN; the truth is an ordinary number."""
    kl = kl_divergence(TruncatedLogNormal(torch.tensor(0.1), torch.tensor(-5.0).exp()), LogUniform(-20.0, 0.0))
    assert kl.item() == pytest.approx(float(Truth(mp.mpf("0.1"), mp.exp(-5), mp.mpf(-20), mp.mpf(0)).kl()), rel=1e-5)
