"""What noise computes, against forward passes written by hand and integrals done elsewhere."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, relu

from sbp import LogUniform, TruncatedLogNormal, elbo_loss, parameter_groups
from sbp.distributions import moments
from sbp.noise import JointNoise, attach
from tests.noise.small import NETWORKS, conv, joint, mlp, noisy, spread_noise

X = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
IMAGE = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def posterior(noise: JointNoise) -> TruncatedLogNormal:
    """q of all units in float64, from the parameters alone."""
    loc, scale = noise.loc.detach().double(), noise.log_scale.detach().exp().double()
    return TruncatedLogNormal(loc, scale, noise.log_low.double(), noise.log_high.double())


def by_hand(model: Any, x: Tensor, theta: Tensor) -> Tensor:
    """mlp: theta after each activation, eq. 15."""
    first, second = theta.split([16, 12], dim=1)
    h = relu(linear(x, model[0].weight, model[0].bias)) * first
    h = torch.tanh(linear(h, model[2].weight, model[2].bias)) * second
    return linear(h, model[4].weight, model[4].bias)


def by_hand_conv(model: Any, x: Tensor, theta: Tensor) -> Tensor:
    """conv: one theta a channel and example, shared over all places (eq. 21), after batch norm and ReLU."""
    first, second = theta.split([6, 8], dim=1)
    h = conv2d(x, model[0].weight, padding=1)
    norm = model[1]
    h = (h - norm.running_mean.view(1, -1, 1, 1)) / torch.sqrt(norm.running_var.view(1, -1, 1, 1) + norm.eps)
    h = relu(h * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1)) * first[:, :, None, None]
    h = relu(conv2d(h, model[3].weight, model[3].bias, padding=1)) * second[:, :, None, None]
    return linear(torch.max_pool2d(h, 4).flatten(1), model[7].weight, model[7].bias)


@pytest.mark.parametrize(("build", "x", "reference"), [(mlp, X, by_hand), (conv, IMAGE, by_hand_conv)])
def test_theta_multiplies_where_the_paper_says(build: Any, x: Tensor, reference: Any) -> None:
    torch.manual_seed(0)
    model = build().eval()
    noise = spread_noise(attach(model, x))
    theta = posterior(noise).sample(torch.Size([len(x)])).float()
    with noise.using(theta=theta):
        torch.testing.assert_close(model(x), reference(model, x, theta))
    mean = (posterior(noise).mean * (posterior(noise).snr >= 1)).float()[None]
    torch.testing.assert_close(model(x), reference(model, x, mean))
    with noise.using("sample"):
        drawn = model(x)
    assert noise._state.theta is not None
    torch.testing.assert_close(drawn, reference(model, x, noise._state.theta))


def test_draws_have_the_mean_and_spread_of_the_posterior_and_are_independent() -> None:
    """20,000 draws of 28 units: means and variances within 5 standard errors, correlations within 5 / sqrt(n).

    By chance: 2 x 28 tests and 378 of correlations at 6e-7 each, below 1e-3 with the tails of variances.
    """
    torch.manual_seed(0)
    model, _ = noisy("mlp")
    noise, n = joint(model), 20_000
    q, theta = posterior(noise), noise.draw(n).detach().double()
    mean, variance = theta.mean(0), theta.var(0)
    fourth = ((theta - mean) ** 4).mean(0)
    assert ((mean - q.mean).abs() < 5 * q.stddev / n**0.5).all()
    assert ((variance - q.variance).abs() < 5 * ((fourth - variance**2) / n).sqrt()).all()
    apart = torch.corrcoef(theta.T) - torch.eye(28)
    assert apart.abs().max() < 5 / n**0.5
    rows = torch.corrcoef(torch.stack([theta[:-1, 0], theta[1:, 0]]))[0, 1]  # examples of one unit
    assert abs(rows.item()) < 5 / n**0.5


def test_the_mean_over_draws_of_a_linear_network_is_the_mean_path() -> None:
    """Within 5 standard errors, 4 outputs of one example over 20,000 draws: by chance below 4 x 6e-7."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 12), nn.Linear(12, 4)).double()
    noise = spread_noise(attach(model, X.double()))
    noise.set_masks({group.name: [True] * group.units for group in noise.groups})
    x, n = X[:1].double(), 20_000
    with torch.no_grad():
        drawn = model.train()(x.expand(n, -1))
        mean = model.eval()(x)[0]
    error = drawn.std(0) / n**0.5
    assert ((drawn.mean(0) - mean).abs() < 5 * error).all()
    assert (error < 0.1 * mean.abs().max()).all(), "the test would feel a theta that is wrong by a tenth"


def test_kl_is_the_sum_of_the_distributions_own_per_group_and_unit() -> None:
    model, _ = noisy("conv", log_low={"0": -20.0, "3": -6.0}, log_high={"0": 0.0, "3": 0.5})
    noise = joint(model)
    prior = LogUniform(noise.log_low.double(), noise.log_high.double())
    wanted = torch.distributions.kl_divergence(posterior(noise), prior)
    torch.testing.assert_close(noise.kl_per_unit().detach().double(), wanted, rtol=1e-4, atol=5e-6)
    for name, part in noise.by_group(wanted).items():
        assert noise.kl_per_group()[name].item() == pytest.approx(part.sum().item(), rel=1e-4)
    assert noise.kl().item() == pytest.approx(wanted.sum().item(), rel=1e-5)


@pytest.mark.parametrize("unit", [0, 3, 7, 15, 20])
def test_kl_snr_and_mean_are_the_integrals(unit: int) -> None:
    """By mpmath's quadrature over log theta, 30 digits: the KL, E[theta] and the SNR of single units."""
    model, _ = noisy("mlp")
    noise = joint(model)
    mu, sigma = noise.loc[unit].item(), float(np.exp(np.float64(noise.log_scale[unit].item())))
    with mpmath.workdps(30):
        # Where the density lives; it may be narrow in a wide interval.
        points = sorted({-20.0, 0.0, *(min(0.0, max(-20.0, mu + k * sigma)) for k in (-8, -3, -1, 0, 1, 3, 8))})

        def integral(f: Any) -> Any:
            return mpmath.quad(lambda x: f(x) * mpmath.exp(-((x - mu) ** 2) / (2 * mpmath.mpf(sigma) ** 2)), points)

        mass = integral(lambda x: 1)
        first, second = (integral(lambda x, k=k: mpmath.exp(k * x)) / mass for k in (1, 2))
        log_density = integral(lambda x: -((x - mu) ** 2) / (2 * mpmath.mpf(sigma) ** 2) - mpmath.log(mass)) / mass
        kl, snr = log_density + mpmath.log(20), first / mpmath.sqrt(second - first**2)
    assert noise.kl_per_unit()[unit].item() == pytest.approx(float(kl), rel=1e-4, abs=5e-6)
    assert noise.snr_units()[unit].item() == pytest.approx(float(snr), rel=1e-6)
    assert noise.mean_theta()[unit].item() == pytest.approx(float(first), rel=1e-6)


def test_snr_and_keep_are_judged_in_float64() -> None:
    model, _ = noisy("mlp")
    noise = joint(model)
    assert noise.snr_units().dtype == noise.mean_theta().dtype == torch.float64
    wanted = moments.snr(noise.loc.detach().double().numpy(), noise.log_scale.detach().double().numpy())
    np.testing.assert_allclose(noise.snr_units().numpy(), wanted, rtol=1e-6)
    # A threshold between two floats next to a unit's SNR: float32 could not tell.
    snr = noise.snr_units()[5].item()
    assert noise.keep_units()[5].item() == (snr >= 1)
    with torch.no_grad():
        noise.threshold.fill_(np.nextafter(np.float32(snr), np.float32(0)).item())
        above = noise.keep_units()[5].item()
        noise.threshold.fill_(np.nextafter(np.float32(snr), np.float32(1e9)).item())
        below = noise.keep_units()[5].item()
    assert (above, below) == (True, False)


def test_eval_is_the_mean_of_what_is_kept() -> None:
    model, _ = noisy("mlp")
    noise = joint(model)
    q = posterior(noise)
    wanted = q.mean * (q.snr >= 1)
    torch.testing.assert_close(noise.expected_theta(), wanted, rtol=1e-6, atol=0)
    assert (wanted == 0).any()
    torch.testing.assert_close(model.eval()(X), by_hand(model, X, wanted.float()[None]))


def test_the_loss_does_not_depend_on_the_batch_size() -> None:
    """With theta given by example, the mean over batches of any size is the whole loss: KL / N each."""
    model, _ = noisy("mlp")
    noise = joint(model)
    x, labels = torch.randn(24, 8), torch.randint(4, (24,))
    theta = noise.draw(24).detach()
    values = []
    for size in (1, 3, 8, 24):
        losses = []
        for start in range(0, 24, size):
            part = slice(start, start + size)
            with noise.using(theta=theta[part]):
                nll = nn.functional.cross_entropy(model(x[part]), labels[part])
            losses.append(elbo_loss(nll, noise, n_train=24).item())
        values.append(np.mean(losses))
    np.testing.assert_allclose(values, values[-1], rtol=1e-6)
    kl = elbo_loss(torch.zeros(()), noise, n_train=24).item()
    assert kl == pytest.approx(noise.kl().item() / 24, rel=1e-6)
    assert elbo_loss(torch.zeros(()), noise, n_train=48).item() == pytest.approx(kl / 2, rel=1e-6)
    with pytest.raises(ValueError, match="n_train: expected .* at least 1, got 0"):
        elbo_loss(torch.zeros(()), noise, n_train=0)
    with pytest.raises(ValueError, match=r"nll: expected the mean over the batch, a scalar, got shape \[3\]"):
        elbo_loss(torch.zeros(3), noise, n_train=10)


def test_kl_weights_in_every_form() -> None:
    model, _ = noisy("mlp")
    noise, zero = joint(model), torch.zeros(())
    first, second = (kl.item() for kl in noise.kl_per_group().values())
    per_unit = torch.linspace(0, 2, 28)
    for weights, wanted in (
        (1.0, first + second),
        (0, 0.0),
        (2.5, 2.5 * (first + second)),
        (torch.tensor(2.5).expand(28), 2.5 * (first + second)),
        ([3.0, 0.5], 3 * first + 0.5 * second),
        ({"2": 0.5, "0": 3.0}, 3 * first + 0.5 * second),
        (per_unit, (per_unit * noise.kl_per_unit()).sum().item()),
    ):
        loss = elbo_loss(zero, noise, n_train=10, kl_weights=weights)
        assert loss.item() == pytest.approx(wanted / 10, rel=1e-5), weights
        half = elbo_loss(zero, noise, n_train=10, kl_weights=weights, strength=0.5)
        assert half.item() == pytest.approx(wanted / 20, rel=1e-5)
    for wrong, words in (
        ([1.0], "expected one for each of 0, 2, got"),
        ([1.0, 2.0, 3.0], "expected one for each of 0, 2, got"),
        ({"0": 1.0}, "expected one for each of 0, 2, got"),
        (torch.ones(27), r"expected one per unit, \[28\], got \[27\]"),
    ):
        with pytest.raises(ValueError, match=f"kl_weights: {words}"):
            elbo_loss(zero, noise, n_train=10, kl_weights=wrong)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_parameter_groups_cover_every_parameter_once(name: str) -> None:
    model, _ = noisy(name)
    groups = parameter_groups(model, lr=1e-3, noise_lr=3e-2, weight_decay=0.1)
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(found) == len(set(found))
    assert set(found) == {id(parameter) for parameter in model.parameters()}
    assert {id(p) for p in groups[1]["params"]} == {id(joint(model).loc), id(joint(model).log_scale)}
    assert [group["lr"] for group in groups] == [1e-3, 3e-2]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    torch.optim.AdamW(groups)
    with pytest.raises(ValueError, match="rates above 0"):
        parameter_groups(model, lr=0, noise_lr=1)
    with pytest.raises(ValueError, match="Expected a network with noise"):
        parameter_groups(mlp(), 1e-3, 1e-2)


def test_frozen_weights_are_left_out_of_the_groups() -> None:
    model, _ = noisy("mlp")
    model[0].requires_grad_(False)  # type: ignore[index]
    groups = parameter_groups(model, lr=1e-3, noise_lr=3e-2)
    assert len(groups[0]["params"]) == 4
