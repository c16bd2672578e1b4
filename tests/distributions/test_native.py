"""The compiled noise is the plain noise: values and gradients over the whole box, and its own draws are uniform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from sbp.distributions import TruncatedLogNormal, fast, moments, native
from sbp.distributions.quantile import LogQuantile
from tests.distributions import box

needs_compiler = pytest.mark.skipif(native.library() is None, reason="There is no C compiler: install one, as cc.")
LOW, HIGH = torch.tensor(-20.0), torch.tensor(0.0)


def ends(loc: Tensor) -> tuple[Tensor, Tensor]:
    return torch.full_like(loc, -20.0), torch.zeros_like(loc)


@needs_compiler
def test_theta_and_its_derivatives_are_the_plain_ones(points: box.Points) -> None:
    """For the same uniforms, against the float64 quantile, all regimes at once: the laws of the Python sampler.

    log theta to 1e-3 of its spread besides its own rounding; dx/dmu and dx/d log sigma to 1e-3 besides 1e-5 of it.
    What a float32 theta cannot hold (below e^-80) is left out.
    """
    loc, scale, low, high = points.tensors(torch.float32)
    mu, sigma, a, b = points.tensors(torch.float64)
    u = torch.rand(200, len(loc), generator=torch.Generator().manual_seed(0)).clamp(min=2.0**-26)
    theta = native.Theta.apply(loc, scale, low, high, len(u), 0, u)
    plain = LogQuantile.apply(u.double(), mu, sigma, a, b)
    holds = plain > -80
    assert holds.double().mean() > 0.8
    spread = torch.tensor([float(truth.spread()) for truth in points.truths()])
    rounding = torch.finfo(torch.float32).eps * torch.maximum(a.abs(), b.abs()).clamp(min=1)
    error = (theta.double().log() - plain).abs()
    assert (error <= 1e-3 * spread + 2 * rounding)[holds].all()
    for row in range(0, 200, 20):  # one draw a unit: its own derivatives
        mine = torch.autograd.grad(theta[row].sum(), (loc, scale), retain_graph=True)
        theirs = torch.autograd.grad(plain[row].sum(), (mu, sigma), retain_graph=True)
        for one, other, unit in zip(mine, theirs, (torch.ones_like(sigma), sigma.detach()), strict=True):
            off = (one.double() / theta[row].detach().double() - other).abs() * unit
            bound = 1e-3 * (other.abs() * unit) + 1e-5 * torch.maximum(spread, torch.tensor(1e-3))
            assert (off <= bound)[holds[row]].all()


@needs_compiler
def test_gradients_are_summed_over_the_objects() -> None:
    """Whatever the incoming gradient, and at a number of units that no tile divides."""
    loc, log_scale = torch.linspace(-24, 0.1, 1001), torch.linspace(5, -6, 1001)
    noise = [q.clone().requires_grad_() for q in (loc, log_scale.exp())]
    exact = [q.detach().double().requires_grad_() for q in noise]
    u, grad = torch.rand(50, 1001).clamp(min=2.0**-26), torch.randn(50, 1001)
    theta = native.Theta.apply(*noise, *ends(loc), 50, 0, u)
    plain = LogQuantile.apply(u.double(), *exact, *(end.double() for end in ends(loc))).exp()
    torch.testing.assert_close(theta.double(), plain, rtol=1e-4, atol=1e-12)
    mine = torch.autograd.grad(theta, noise, grad)
    theirs = torch.autograd.grad(plain, exact, grad.double())
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-5 * float(other.abs().max()))


@needs_compiler
def test_kl_and_its_gradient_are_the_plain_ones(points: box.Points) -> None:
    """Values to 1e-5 and an absolute rounding, derivatives to 1e-3 of the steeper one; `test_kl` has the oracle."""
    found = native.kl_and_gradient(*(q.detach() for q in points.tensors(torch.float32)))
    exact = moments.kl_and_gradient(*(q.detach() for q in points.tensors(torch.float64)))
    torch.testing.assert_close(found[0].double(), exact[0], rtol=1e-5, atol=1e-5)
    sigma = torch.tensor(points.scale)
    steepest = torch.maximum(exact[1].abs(), (exact[2] * sigma).abs())
    for one, other, unit in zip(found[1:], exact[1:], (1.0, sigma), strict=True):
        off = ((one.double() - other) * unit).abs()
        assert (off <= 1e-3 * steepest + 1e-37).all()


@needs_compiler
def test_its_draws_are_uniform_independent_and_repeat_with_their_seed() -> None:
    """Kolmogorov-Smirnov over all and over each unit's draws, and all correlations of units and of neighbouring rows.

    Fixed seed; with right code a false alarm in one seed of 1,000.
    """
    units, examples = 200, 4000
    loc, scale = torch.full((units,), -10.0), torch.full((units,), 148.0)  # the prior: x is -20 u
    loc[::3], scale[::3] = 0.0, 1.0
    theta = native.sample_theta(loc, scale, LOW, HIGH, examples, 11)
    assert torch.equal(theta, native.sample_theta(loc, scale, LOW, HIGH, examples, 11))
    assert not torch.equal(theta, native.sample_theta(loc, scale, LOW, HIGH, examples, 12))
    u = TruncatedLogNormal(loc.double(), scale.double()).cdf(theta.double()).numpy()
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-4
    assert min(stats.kstest(column, "uniform").pvalue for column in u.T) > 1e-4 / units
    across = np.corrcoef(u.T)[np.triu_indices(units, 1)]
    along = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in u.T]
    assert np.abs(across).max() < 5.7 / np.sqrt(examples)  # 2e4 correlations at 1e-8 each
    assert np.abs(along).max() < 5.0 / np.sqrt(examples)


@needs_compiler
def test_one_thread_draws_what_two_draw() -> None:
    loc, scale = torch.linspace(-3, 0.1, 900), torch.ones(900)
    before, drawn = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            drawn.append(native.sample_theta(loc, scale, LOW, HIGH, 64, 3))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0][:, :450], drawn[0][:, 450:])


@needs_compiler
def test_nan_comes_out_as_nan_and_spoils_no_neighbour() -> None:
    loc, scale = torch.zeros(128), torch.ones(128)
    loc[5], scale[9] = torch.nan, torch.nan
    bad = torch.zeros(128, dtype=torch.bool)
    bad[[5, 9]] = True
    theta = native.sample_theta(loc, scale, LOW, HIGH, 64, 0)
    value, *_ = native.kl_and_gradient(loc, scale, LOW, HIGH)
    assert torch.equal(torch.isnan(theta).all(0), bad)
    assert torch.equal(torch.isnan(theta).any(0), bad)
    assert torch.equal(torch.isnan(value), bad)


@needs_compiler
def test_the_training_sampler_takes_it_when_a_call_is_large() -> None:
    """One generator's state decides every draw, so a resumed run goes on as it would have."""
    loc, scale = torch.zeros(500, requires_grad=True), torch.ones(500)
    one, two = (torch.Generator().manual_seed(7) for _ in range(2))
    theta = fast.sample_theta(loc, scale, LOW, HIGH, 64, one)
    seed = int(torch.randint(2**62, (), generator=two))
    assert torch.equal(theta, native.sample_theta(loc, scale, LOW, HIGH, 64, seed))
    assert not torch.equal(theta, fast.sample_theta(loc, scale, LOW, HIGH, 64, one))
    assert not native.serves(loc, 4)
    assert not native.serves(loc.double(), 64)


@pytest.mark.parametrize("environment", [{"SBP_NATIVE": "0"}, {"PATH": "/nowhere"}, {"CC": "/bin/false"}])
def test_without_a_compiler_the_python_forms_serve(environment: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import torch; from sbp.distributions import fast, native\n"
        "theta = fast.sample_theta(torch.zeros(500), torch.ones(500), torch.tensor(-20.), torch.tensor(0.), 64)\n"
        "print(native.library(), tuple(theta.shape))"
    )
    home = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env={**home, **environment}, capture_output=True, text=True)
    assert done.stdout == "None (64, 500)\n", done.stderr


@needs_compiler
def test_a_compiler_may_come_with_words_and_is_not_waited_for_twice(tmp_path: Path) -> None:
    assert native._build("env cc -pthread", tmp_path / "noise.so")
    assert not native._build('cc "', tmp_path / "other.so")


@needs_compiler
def test_it_is_built_once_and_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.library.cache_clear()
    try:
        assert native.library() is not None
        (made,) = (tmp_path / "sbp").iterdir()
        before = made.stat().st_mtime_ns
        native.library.cache_clear()
        assert native.library() is not None
        assert (made.stat().st_mtime_ns, (tmp_path / "sbp").stat().st_mode & 0o777) == (before, 0o700)
    finally:
        native.library.cache_clear()
