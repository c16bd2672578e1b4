"""DropConnect: noise on weights, by any pattern of sharing, against the layer on units and against its own formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal
from sbp.methods.weights import DropConnect
from sbp.noise.sbp_layer import SBPLayer
from tests.methods.cases import built, made


def noisy(inner: nn.Linear | nn.Conv2d, groups: Tensor | None = None) -> DropConnect:
    """Wrapped, with noise of every size."""
    layer = DropConnect(inner, groups).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        layer.noise.loc.copy_(-2 * torch.rand(layer.noise.units, generator=generator))
        layer.noise.log_scale.copy_(3 * torch.rand(layer.noise.units, generator=generator) - 1)
    return layer


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_groups_by_input_are_the_noise_on_the_inputs_for_one_object() -> None:
    inner, x = nn.Linear(5, 3).double(), torch.rand(1, 5, dtype=torch.float64)
    layer, on_units = noisy(inner, torch.arange(5)), SBPLayer(5).double()
    on_units.load_state_dict(layer.noise.state_dict())
    layer.noise._theta = on_units._theta = on_units.draw(1)
    torch.testing.assert_close(layer(x), inner(on_units(x)), rtol=1e-12, atol=1e-12)
    assert (layer(x) - inner(x)).abs().max() > 1e-3
    assert 0 < layer.noise.keep.sum() < 5
    torch.testing.assert_close(layer.eval()(x), inner(on_units.eval()(x)), rtol=1e-12, atol=1e-12)


def test_groups_by_input_channel_of_a_convolution() -> None:
    inner, x = nn.Conv2d(4, 3, 2).double(), torch.rand(1, 4, 5, 5, dtype=torch.float64)
    layer, on_units = noisy(inner, torch.arange(4).view(4, 1, 1)), SBPLayer(4).double()
    on_units.load_state_dict(layer.noise.state_dict())
    layer.noise._theta = on_units._theta = on_units.draw(1)
    torch.testing.assert_close(layer(x), inner(on_units(x)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(layer.eval()(x), inner(on_units.eval()(x)), rtol=1e-12, atol=1e-12)


def test_groups_by_output_multiply_what_is_summed_before_the_bias() -> None:
    inner, x = nn.Linear(5, 3).double(), torch.rand(4, 5, dtype=torch.float64)
    layer = noisy(inner, torch.arange(3).view(3, 1))
    layer.noise._theta = theta = layer.noise.draw(1)
    torch.testing.assert_close(layer(x), x @ inner.weight.T * theta + inner.bias, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inner", [nn.Linear(5, 3), nn.Conv2d(2, 3, 2)], ids=["dense", "conv"])
def test_each_weight_its_own_is_the_pattern_that_numbers_them(inner: nn.Linear | nn.Conv2d) -> None:
    x = torch.rand(4, *((5,) if isinstance(inner, nn.Linear) else (2, 4, 4)), dtype=torch.float64)
    layer = noisy(inner)
    numbered = noisy(inner, torch.arange(inner.weight.numel()).view(inner.weight.shape))
    layer.noise._theta = numbered.noise._theta = layer.noise.draw(1)
    torch.testing.assert_close(layer(x), numbered(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(layer.eval()(x), numbered.eval()(x), rtol=1e-12, atol=1e-12)
    q = TruncatedLogNormal(layer.noise.loc, layer.noise.log_scale.exp())
    kept = (q.mean * (q.snr >= 1)).view(inner.weight.shape)
    torch.testing.assert_close(layer.plain_weight(), inner.weight * kept, rtol=1e-12, atol=1e-12)


def test_a_pattern_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="groups: expected whole numbers from 0"):
        DropConnect(nn.Linear(3, 2), groups=torch.tensor([0, -1, 1]))
    with pytest.raises(ValueError, match=r"groups: .* \[2, 3\], got \[4\]"):
        DropConnect(nn.Linear(3, 2), groups=torch.arange(4))


def test_one_draw_a_minibatch_and_the_kl_of_every_theta() -> None:
    method = made("sbp-weights", "lenet-500-300", init_log_scale=0.5, init_loc=-1.0)
    network = built(method)
    method.sample_noise_(network, 64, torch.Generator().manual_seed(0))
    counts = [784 * 23, 23 * 17, 17 * 10]
    drawn = [layer._theta for layer in method.layers(network)]  # type: ignore[attr-defined]
    assert [theta.numel() for theta in drawn] == counts
    assert [theta.shape for theta in drawn] == [(23, 784), (17, 23), (10, 17)]
    q = TruncatedLogNormal(torch.tensor(-1.0).double(), torch.tensor(0.5).double().exp())
    one = kl_divergence(q, LogUniform(-20.0, 0.0)).item()
    penalty = method.penalty(network, 100, torch.tensor(0.5, dtype=torch.float64))
    assert penalty.kl.item() == pytest.approx(sum(counts) * one, rel=1e-9)
    assert penalty.term.item() == pytest.approx(0.5 * sum(counts) * one / 100, rel=1e-9)
