"""The special functions of the sampler against mpmath, far tails included."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from mpmath import mpf
from torch import Tensor

from sbp.distributions import normal_tail
from tests.distributions.oracle import phi_between

DTYPES = (torch.float64, torch.float32)


def exact_upper(z: float) -> mpf:
    return mp.erfc(mpf(z) / mp.sqrt(2)) / 2


def log_mills(z: mpf) -> mpf:
    """log Q(z) / phi(z)."""
    return mp.log(mp.erfc(z / mp.sqrt(2)) / 2 / mp.npdf(z))


def worst(found: Tensor, exact: list[mpf]) -> float:
    """The largest error relative to the truth."""
    return max(float(abs(mpf(x) - y) / abs(y)) for x, y in zip(found.flatten().tolist(), exact, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_upper_tail_keeps_its_digits(dtype: torch.dtype) -> None:
    z = torch.linspace(-12, 12, 97, dtype=dtype)
    error = worst(normal_tail.upper(z), [exact_upper(x) for x in z.tolist()])
    assert error < (1e-13 if dtype == torch.float64 else 2e-5)  # z^2 times the rounding of z / sqrt 2


@pytest.mark.parametrize("dtype", DTYPES)
def test_interval_mass(dtype: torch.dtype) -> None:
    h, w = (
        x.flatten()
        for x in torch.meshgrid(
            torch.tensor([-30.0, -4.0, -0.4, 0.0, 0.3, 2.0, 4.9], dtype=dtype),
            torch.tensor([0.8, 3.0, 60.0, 1e5], dtype=dtype),
            indexing="ij",
        )
    )
    asked = h >= -w / 2
    h, w = h[asked], w[asked]
    exact = [phi_between(mpf(p), mpf(p) + mpf(q)) for p, q in zip(h.tolist(), w.tolist(), strict=True)]
    assert worst(normal_tail.interval_mass(h, w), exact) < (1e-13 if dtype == torch.float64 else 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_quantile_of_the_normal(dtype: torch.dtype) -> None:
    """Both tails given with their own digits: z to rounding in float64, to 1e-6 of max(|z|, 1/10) in float32."""
    z = np.linspace(-8.2, 8.2, 201)
    below, above = (torch.tensor([float(exact_upper(s * x)) for x in z], dtype=dtype) for s in (-1, 1))
    found = normal_tail.quantile(below, above).double().numpy()
    bound = 1e-12 if dtype == torch.float64 else 1e-6
    assert (np.abs(found - z) <= bound * np.maximum(np.abs(z), 0.1)).all()


def test_quantile_is_finite_at_nothing_and_all() -> None:
    nothing, all_of_it = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])
    assert torch.isfinite(normal_tail.quantile(nothing, all_of_it)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_hazard_excess(dtype: torch.dtype) -> None:
    z = torch.tensor([5.0, 5.5, 8.0, 20.0, 1e3, 6e5], dtype=dtype)
    exact = [mp.exp(-log_mills(mpf(x))) - mpf(x) for x in z.tolist()]
    assert worst(normal_tail.hazard_excess(z), exact) < (1e-14 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_mills_drop(dtype: torch.dtype) -> None:
    """To relative rounding in float64 up to t = 4 h, where all samples are; in float32 besides the series' rounding."""
    h, t = (
        x.flatten()
        for x in torch.meshgrid(
            torch.tensor([5.0, 7.0, 30.0, 1e4, 6e5], dtype=dtype),
            torch.tensor([1e-9, 1e-4, 0.1, 1.0, 20.0, 1e5], dtype=dtype),
            indexing="ij",
        )
    )
    exact = [log_mills(mpf(p)) - log_mills(mpf(p) + mpf(q)) for p, q in zip(h.tolist(), t.tolist(), strict=True)]
    found = normal_tail.log_mills_drop(h, t)
    if dtype == torch.float64:
        drawn = t <= 4 * h
        assert worst(found[drawn], [x for x, near in zip(exact, drawn, strict=True) if near]) < 1e-13
        assert worst(found, exact) < 1e-6
    else:
        errors = [abs(x - y) for x, y in zip(found.tolist(), exact, strict=True)]
        # The series' difference rounds at 1/h^2: less than 1e-8 of what a sample moves by, which is t/h with t ~ 1/h.
        bounds = [
            1e-6 + 2e-6 * abs(y) if p < 10 else 1e-7 / mpf(p) ** 2 + 2e-6 * abs(y)
            for p, y in zip(h.tolist(), exact, strict=True)
        ]
        assert all(error <= bound for error, bound in zip(errors, bounds, strict=True))
