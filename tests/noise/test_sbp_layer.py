"""The SBP layer: one theta per example and unit, in any shape, and its mean after training."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from sbp import SBPLayer


def trained(units: int = 6, **options: object) -> SBPLayer:
    """A layer with some units kept and some not."""
    layer = SBPLayer(units, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        layer.loc.copy_(torch.linspace(-1.0, 0.5, units))
        layer.log_scale.copy_(torch.linspace(3.0, -3.0, units))
    return layer


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 4), (5, 6, 3, 2)])
def test_units_on_axis_1_share_theta_over_every_other_axis(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    theta = trained()(torch.ones(shape)).flatten(2) if len(shape) > 2 else trained()(torch.ones(shape))[..., None]
    assert torch.equal(theta.amin(2), theta.amax(2)), "one theta per example and unit"
    assert len(theta[:, :, 0].unique()) == 5 * 6, "drawn independently for every example and unit"


def test_any_axis_may_count_the_units() -> None:
    torch.manual_seed(0)
    theta = trained(axis=3)(torch.ones(5, 3, 2, 6))
    assert torch.equal(theta, theta[:, :1, :1].expand_as(theta))


def test_groups_share_theta_by_index() -> None:
    torch.manual_seed(0)
    groups = torch.tensor([[0, 1, 1], [2, 0, 1]])
    theta = SBPLayer(3, groups=groups, init_log_scale=0.0)(torch.ones(4, 2, 3))
    assert torch.equal(theta[:, 0, 0], theta[:, 1, 1])
    assert torch.equal(theta[:, 0, 1], theta[:, 1, 2])
    assert not torch.equal(theta[:, 0, 0], theta[:, 0, 1])
    # The same pattern as an axis gives the same numbers.
    as_axis, as_groups = trained(), trained(groups=torch.arange(6)[:, None].expand(6, 2))
    torch.manual_seed(1)
    first = as_axis(torch.ones(3, 6, 2))
    torch.manual_seed(1)
    assert torch.equal(first, as_groups(torch.ones(3, 6, 2)))


def test_eval_multiplies_by_the_mean_of_kept_units_and_by_zero() -> None:
    layer = trained().eval()
    snr = layer.snr()
    assert (snr >= 1).any()
    assert (snr < 1).any()
    assert torch.equal(layer.keep, snr >= 1)
    expected = torch.where(snr >= 1, layer.distribution().mean, torch.zeros(()))
    torch.testing.assert_close(layer(torch.full((2, 6), 3.0)), 3 * expected.expand(2, 6))


def test_the_draws_follow_the_distribution() -> None:
    """Kolmogorov-Smirnov on 4,000 draws of each of 6 units: a false alarm once in 10,000 changes of the seed."""
    torch.manual_seed(0)
    layer = trained()
    theta = layer.draw(4000).double().detach()
    uniform = layer.distribution().cdf(theta).detach()
    for unit in range(6):
        assert stats.kstest(uniform[:, unit].numpy(), "uniform").pvalue > 1e-4 / 6


def test_noise_drawn_elsewhere_is_what_the_layer_takes() -> None:
    torch.manual_seed(0)
    layers = [trained(), trained(3)]
    for layer in layers:
        layer._theta = layer.draw(7)
    assert layers[0]._theta is not None
    assert torch.equal(layers[0](torch.ones(7, 6)), layers[0]._theta)
    assert layers[1](torch.ones(7, 3, 2)).shape == (7, 3, 2)


def test_kl_is_the_sum_over_units_and_reaches_the_parameters() -> None:
    layer = trained()
    assert layer.kl().item() == pytest.approx(layer.kl_of_units().sum().item())
    assert (layer.kl_of_units() >= 0).all()
    # A unit that is the prior costs nothing; one that is sure costs about log((b - a) / sigma).
    assert SBPLayer(1, init_log_scale=5.0).kl().item() < 1e-4
    assert SBPLayer(1, init_loc=-10.0).kl().item() == pytest.approx(math.log(20) + 5 - 1.41894, abs=1e-5)
    layer.kl().backward()
    assert layer.loc.grad is not None
    assert torch.isfinite(layer.loc.grad).all()


def test_inactive_is_the_identity() -> None:
    layer = trained()
    layer.noise_enabled = False
    x = torch.randn(3, 6)
    assert layer(x) is x


def test_project_puts_parameters_back_into_the_box() -> None:
    layer = SBPLayer(2, log_low=-3.0, log_high=1.0)
    with torch.no_grad():
        layer.loc.copy_(torch.tensor([-99.0, 99.0]))
        layer.log_scale.copy_(torch.tensor([-99.0, 99.0]))
    layer.project_()
    assert layer.loc.tolist() == [-8.0, 6.0]
    assert layer.log_scale.tolist() == [-8.0, 5.0]


def test_wrong_shapes_and_groups_are_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="6 units on axis 1, got shape"):
        trained()(torch.ones(2, 5))
    with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        SBPLayer(2, groups=torch.tensor([0, 2]))
