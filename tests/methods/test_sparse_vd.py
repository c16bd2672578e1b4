"""SparseVD: the KL against numbers and an integral, the local reparametrisation against drawn weights."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sbp.methods.sparse_vd import SparseVDLayer, kl_of_alpha
from tests.methods.cases import built, made


def exact_kl(log_alpha: float) -> float:
    """KL(N(1, alpha) || log-uniform) by quadrature, 0 at alpha to infinity.

    KL = E log|w| - 0.5 log alpha + C for w ~ N(1, alpha), and E log|w| -> 0.5 log alpha - (gamma + log 2) / 2.
    """
    sigma = mp.e ** (mp.mpf(log_alpha) / 2)

    def integrand(w: mp.mpf) -> mp.mpf:
        return mp.npdf(w, 1, sigma) * mp.log(abs(w))

    ends = [1 - 12 * sigma, *([0] if 12 * sigma > 1 else []), 1, 1 + 12 * sigma]
    return float(mp.quad(integrand, sorted(ends)) - mp.mpf(log_alpha) / 2 + (mp.euler + mp.log(2)) / 2)


@pytest.mark.parametrize("log_alpha", [-8.0, -3.0, 0.0, 3.0, 8.0])
def test_the_kl_is_the_printed_formula(log_alpha: float) -> None:
    k1, k2, k3 = mp.mpf("0.63576"), mp.mpf("1.8732"), mp.mpf("1.48695")
    a = mp.mpf(log_alpha)
    negative = k1 / (1 + mp.e ** -(k2 + k3 * a)) - mp.log1p(mp.e**-a) / 2 - k1
    value = kl_of_alpha(torch.tensor(log_alpha, dtype=torch.float64)).item()
    assert value == pytest.approx(float(-negative), rel=1e-12)
    assert kl_of_alpha(torch.tensor(log_alpha)).item() == pytest.approx(float(-negative), rel=1e-5)


def test_the_kl_is_near_the_exact_one() -> None:
    """The approximation is off by 0.0094 nats at most, at log alpha = -3.5; nothing of ours may add to that."""
    grid = np.arange(-8, 8.5, 0.5)
    exact = np.array([exact_kl(value) for value in grid])
    error = np.abs(kl_of_alpha(torch.from_numpy(grid)).numpy() - exact)
    assert error.max() < 0.0100
    assert error[0] < 1e-3
    assert error[-1] < 1e-3


def test_log_alpha_is_clipped_and_its_gradient_finite_at_zero_weights() -> None:
    layer = SparseVDLayer(nn.Linear(4, 1, bias=False))
    with torch.no_grad():
        layer.inner.weight.copy_(torch.tensor([[0.0, 1.0, 1.0, 1e-30]]))
        layer.log_variance.copy_(torch.tensor([[-10.0, -30.0, -1.0, -10.0]]))
    assert layer.log_alpha().tolist() == [[8.0, -8.0, -1.0, 8.0]]
    assert layer.alive().tolist() == [[False, True, True, False]]
    layer.draw(3, torch.Generator().manual_seed(0))
    for x in (torch.zeros(3, 4), torch.ones(3, 4)):
        layer.zero_grad()
        (layer(x).square().sum() + layer.kl()).backward()
        for parameter in (layer.inner.weight, layer.log_variance):
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()


def layer_and_input(kind: str) -> tuple[SparseVDLayer, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        inner = nn.Linear(6, 3) if kind == "dense" else nn.Conv2d(2, 3, 3)
        layer = SparseVDLayer(inner, 1 if kind == "dense" else 4).double()
        with torch.no_grad():
            layer.log_variance.copy_(torch.randn(inner.weight.shape) - 2)
        return layer, torch.rand(1, *((6,) if kind == "dense" else (2, 4, 4)), dtype=torch.float64) - 0.3


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_each_output_has_the_mean_and_variance_that_noisy_weights_give_it(kind: str) -> None:
    """Mean and variance of y over noisy weights, worked out by pushing each weight's own share through the layer."""
    layer, x = layer_and_input(kind)
    log_alpha = (layer.log_variance - layer.inner.weight.square().log()).clamp(-8, 8)
    sigma = (log_alpha / 2).exp() * layer.inner.weight.abs()
    mean = layer.inner(x)
    variance = torch.zeros_like(mean)
    for place in range(sigma.numel()):
        one = torch.zeros_like(sigma).view(-1)
        one[place] = sigma.view(-1)[place]
        variance += layer.through(x, one.view_as(sigma), None).square()
    layer.draw(1, torch.Generator().manual_seed(1))
    drawn = layer._noise
    assert drawn is not None
    assert drawn.shape == mean.shape
    torch.testing.assert_close(layer(x), mean + variance.sqrt() * drawn, rtol=1e-10, atol=1e-10)


def test_the_draws_are_standard_normal_and_one_an_object() -> None:
    """12,000 numbers: mean and mean square fail by chance in 1 of 10^6 runs each (4.9 standard errors)."""
    layer, _ = layer_and_input("conv")
    layer.draw(1000, torch.Generator().manual_seed(0))
    drawn = layer._noise
    assert drawn is not None
    assert drawn.shape == (1000, 3, 2, 2)
    assert abs(drawn.mean().item()) < 4.9 / 12000**0.5
    assert abs(drawn.square().mean().item() - 1) < 4.9 * (2 / 12000) ** 0.5
    assert drawn.unique().numel() > 11_990


def test_eval_keeps_log_alpha_below_3() -> None:
    layer, x = layer_and_input("dense")
    with torch.no_grad():
        layer.log_variance.copy_(layer.inner.weight.square().log() + torch.linspace(2.9, 3.1, 18).view(3, 6))
    keep = torch.arange(18).view(3, 6) < 9
    expected = nn.functional.linear(x, layer.inner.weight * keep, layer.inner.bias)
    torch.testing.assert_close(layer.eval()(x), expected, rtol=1e-12, atol=1e-12)


def test_the_penalty_is_the_sum_over_all_weights_times_the_warm_up() -> None:
    method = made("sparse-vd", "lenet-5-caffe")
    network = built(method)
    by_hand = 0.0
    for layer in method.layers(network):  # type: ignore[attr-defined]
        log_alpha = -10 - np.log(layer.inner.weight.detach().numpy() ** 2)
        clipped = np.clip(log_alpha, -8, 8)
        sigmoid = 1 / (1 + np.exp(-(1.8732 + 1.48695 * clipped)))
        by_hand -= float((0.63576 * sigmoid - 0.5 * np.log1p(np.exp(-clipped)) - 0.63576).sum())
    penalty = method.penalty(network, 500, torch.tensor(0.25, dtype=torch.float64))
    assert penalty.kl.item() == pytest.approx(by_hand, rel=1e-10)
    assert penalty.term.item() == pytest.approx(0.25 * by_hand / 500, rel=1e-10)
    assert penalty.kl_weighted.item() == pytest.approx(0.25 * by_hand, rel=1e-10)
