"""All units side by side are the very units of their layers."""

from __future__ import annotations

import torch

from sbp import SBPLayer
from sbp.objective import kl_by_layer
from sbp.units import AllUnits


def layers() -> list[SBPLayer]:
    return [SBPLayer(4, init_log_scale=-1.0), SBPLayer(2, init_log_scale=1.0, log_low=-10.0, init_loc=-3.0)]


def test_what_one_side_writes_the_other_reads() -> None:
    own = layers()
    units = AllUnits(own)
    with torch.no_grad():
        units.log_scale.fill_(0.5)
        own[1].loc.fill_(-2.0)
    assert own[0].log_scale.tolist() == [0.5] * 4
    assert units.loc.tolist() == [0.0] * 4 + [-2.0] * 2


def test_the_draw_and_the_kl_are_the_layers_own() -> None:
    """Each layer's part has the law of its own draws: the same quantiles of the same uniform numbers."""
    own, at_once = layers(), layers()
    units = AllUnits(at_once)
    units.draw(50, torch.Generator().manual_seed(0))
    u = torch.rand(50, 6, generator=torch.Generator().manual_seed(0))
    for layer, alone, part in zip(at_once, own, u.split([4, 2], dim=1), strict=True):
        assert layer.drawn is not None
        expected = alone.distribution().icdf(part)
        torch.testing.assert_close(layer.drawn.detach(), expected.detach(), rtol=2e-5, atol=1e-7)
    torch.testing.assert_close(units.kl().split([4, 2])[1].sum(), kl_by_layer(own)[1])


def test_units_left_out_are_multiplied_by_0() -> None:
    own = layers()
    AllUnits(own).draw(3, keep=torch.tensor([1, 1, 0, 1, 0, 1], dtype=torch.bool))
    assert own[0].drawn is not None
    assert own[1].drawn is not None
    assert (own[0].drawn > 0).all(0).tolist() == [True, True, False, True]
    assert (own[1].drawn > 0).all(0).tolist() == [False, True]


def test_frozen_noise_is_drawn_as_ever_and_brings_no_kl() -> None:
    own, frozen = layers(), layers()
    AllUnits(own).draw(5, torch.Generator().manual_seed(2))
    units = AllUnits(frozen)
    units.draw(5, torch.Generator().manual_seed(2), keep=torch.ones(6, dtype=torch.bool))
    assert units._kl is None
    for layer, same in zip(own, frozen, strict=True):
        assert layer.drawn is not None
        assert same.drawn is not None
        assert torch.equal(layer.drawn, same.drawn)


def test_settling_forgets_the_draws_and_keeps_the_box() -> None:
    own = layers()
    units = AllUnits(own)
    units.draw(3)
    with torch.no_grad():
        units.loc[0], units.loc[5], units.log_scale[1] = 99.0, -99.0, 99.0
    units.settle_()
    assert own[0].drawn is None
    assert (own[0].loc[0].item(), own[1].loc[1].item(), own[0].log_scale[1].item()) == (5.0, -15.0, 5.0)


def test_gradients_reach_the_two_parameters() -> None:
    own = layers()
    units = AllUnits(own)
    units.draw(64, torch.Generator().manual_seed(1))
    y = sum((layer(torch.ones(64, layer.units)).sum() for layer in own), units.kl().sum())
    y.backward()
    assert units.loc.grad is not None
    assert units.log_scale.grad is not None
    assert bool((units.log_scale.grad != 0).all())
