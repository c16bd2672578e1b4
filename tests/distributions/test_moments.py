"""The same numbers on NumPy arrays, for pages that never import torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.distributions import kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal, moments

NAMES = ("mean", "snr", "kl", "entropy")


def of_torch(name: str, loc: np.ndarray, log_scale: np.ndarray, low: float, high: float) -> np.ndarray:
    q = TruncatedLogNormal(torch.tensor(loc), torch.tensor(np.exp(log_scale)), low, high)
    if name == "kl":
        return kl_divergence(q, LogUniform(q.log_low, q.log_high)).numpy()
    return (q.entropy() if name == "entropy" else getattr(q, name)).numpy()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("low", "high"), [(-20.0, 0.0), (-3.0, 3.0), (-200.0, 0.0)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equal_to_the_torch_class(name: str, low: float, high: float, dtype: type[np.floating]) -> None:
    """float64 to 1e-11; float32, which works in float32, to 1e-4 of the float64 answer besides underflow."""
    draw = np.random.default_rng(0)
    loc = draw.uniform(low - 5, high + 5, (50, 4)).astype(dtype)
    log_scale = draw.uniform(-8, 5, (50, 4)).astype(dtype)
    found = getattr(moments, name)(loc, log_scale, low, high)
    assert (found.dtype, found.shape) == (dtype, (50, 4))
    plain = of_torch(name, loc.astype(np.float64), log_scale.astype(np.float64), low, high)
    if dtype == np.float64:
        np.testing.assert_allclose(found, plain, rtol=1e-11, atol=1e-13)
    else:
        np.testing.assert_allclose(found, plain, rtol=1e-3, atol=1e-5 if name == "entropy" else 1.2e-38)


def test_shapes_broadcast_and_scalars_stay_scalars() -> None:
    assert moments.snr(np.zeros((3, 1)), np.zeros(2)).shape == (3, 2)
    assert np.ndim(moments.snr(0.0, 0.0)) == 0
    assert moments.mean(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)
    many = np.linspace(-3, 1, moments.CHUNK + 7)
    assert np.array_equal(moments.snr(many, many)[-5:], moments.snr(many[-5:], many[-5:]))


def test_nothing_here_brings_torch() -> None:
    code = "import sys; from sbp.distributions import moments; moments.snr(0.0, 0.0); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
