"""Gates: what stands where units have no noise, and that all that cuts networks takes it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from sbp.attribution import attribute
from sbp.ensemble import ensemble
from sbp.gates import Gate
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.registry import build
from sbp.pruning.compact import compact, masked, masks_of
from sbp.pruning.speed import variants
from sbp.pruning.sweep import sweep
from tests.pruning.networks import NAMES, WIDTHS, cases, images, images_for


def gated(name: str) -> NoisyNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(name, WIDTHS[name], gates=True).double()


def test_a_gate_multiplies_by_what_was_drawn_and_by_keep() -> None:
    gate, x = Gate(3), torch.arange(1.0, 7).view(2, 3)
    gate.keep_only(torch.tensor([True, False, True]))
    assert gate(x).tolist() == [[1, 0, 3], [4, 0, 6]]
    gate.drawn = torch.tensor([[2.0, 2, 0], [1, 1, 0.5]])
    assert gate(x).tolist() == [[2, 0, 0], [4, 0, 3]]
    assert gate.eval()(x).tolist() == [[1, 0, 3], [4, 0, 6]], "eval knows no draw"
    assert gate.expected_theta().tolist() == [1, 0, 1]
    assert gate.mean_theta().tolist() == [1, 1, 1]
    gate.active = False
    assert torch.equal(gate(x), x)


def test_a_channels_gate_is_one_for_its_map_and_another_width_is_refused() -> None:
    gate = Gate(2).eval()
    gate.keep_only(torch.tensor([False, True]))
    assert gate(torch.ones(1, 2, 2, 2)).tolist() == [[[[0, 0], [0, 0]], [[1, 1], [1, 1]]]]
    with pytest.raises(ValueError, match=r"2 units on axis 1, got shape \(1, 3\)"):
        gate(torch.ones(1, 3))


@pytest.mark.parametrize("name", NAMES)
def test_masked_compact_and_what_is_timed_are_one_function(name: str) -> None:
    network = gated(name).eval()
    x = images_for(network)
    for case, masks in cases(network):
        shut = masked(network, masks)
        by_hand = copy.deepcopy(network).eval()
        for layer, keep in masks.items():
            by_hand.noise[layer].keep = torch.from_numpy(keep)
        with torch.no_grad():
            expected = by_hand(x)
            for other in (shut, compact(network, masks), compact(shut), *list(variants(network, masks).values())[1:]):
                torch.testing.assert_close(other(x), expected, rtol=1e-10, atol=1e-10, msg=case)
            torch.testing.assert_close(variants(network, masks)["dense"](x), network(x), rtol=1e-10, atol=1e-10)
    assert all(keep.all() for keep in masks_of(network).values()), "the network itself is as it was"


def test_a_network_whose_gates_are_off_is_not_cut() -> None:
    network = gated("lenet-500-300")
    network.gates()[0].active = False
    with pytest.raises(ValueError, match="pretraining"):
        compact(network)


def test_what_needs_noise_says_so() -> None:
    network, x, labels = gated("lenet-500-300").float(), images(2, torch.float32), torch.arange(2)
    for needs in (lambda: sweep(network, x, labels), lambda: ensemble(network, x, labels)):
        with pytest.raises(ValueError, match="no mu and no log sigma, so no SNR"):
            needs()
    with pytest.raises(ValueError, match="no mu and no log sigma"):
        attribute(network, x, labels)


def test_a_network_has_noise_or_gates() -> None:
    for name in NAMES:
        assert len(gated(name).gates()) == len(build(name).noise_layers())
        assert build(name).gates() == []
        keeps = [np.asarray(gate.keep) for gate in gated(name).gates()]
        assert [len(keep) for keep in keeps] == [layer.units for layer in gated(name).layers]
