"""One law: masked logits = compact logits, for every network, whatever is kept; and what a compact network is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sbp.networks.rebuild import rebuild
from torch import nn

from sbp.compaction import compact, masked, masks_of
from sbp.compaction.folded import Folded
from sbp.pruning.masks import Masks, close_masks
from tests.pruning.networks import NAMES, WIDTHS, cases, images, images_for, random_network

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
NOT_MADE = ("pixel", "feature")  # of no weights
CASES = [(name, case) for name in NAMES for case, _ in cases(random_network(name))]


def assert_same_logits(network: nn.Module, masks: Masks) -> nn.Module:
    """The law. Hands back the compact network for what else there is to see."""
    dtype = network.output.weight.dtype
    x, tolerance = images_for(network), TOLERANCE[dtype]
    small = compact(network, masks)
    with torch.no_grad():
        expected, got = masked(network, masks)(x), small(x)
    assert got.dtype == dtype
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)
    return small


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["float64", "float32"])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_masked_and_compact_logits_are_the_same(name: str, case: str, dtype: torch.dtype) -> None:
    network = random_network(name, dtype)
    small = assert_same_logits(network, dict(cases(network))[case])
    assert type(small) is type(network)
    assert not small.training
    assert small.noise_layers() == []


@pytest.mark.parametrize("name", NAMES)
def test_at_the_networks_own_widths_and_by_its_own_keep(name: str) -> None:
    network = random_network(name, torch.float32, own_widths=True)
    masks = masks_of(network)
    assert 0 < masks["dense1"].sum() < len(masks["dense1"])
    small = assert_same_logits(network, masks)
    x = images_for(network)
    with torch.no_grad():
        torch.testing.assert_close(compact(network)(x), small(x), rtol=0, atol=0)
        torch.testing.assert_close(network.eval()(x), small(x), rtol=1e-5, atol=1e-5)


def test_a_masked_network_is_one_with_zeros_by_hand() -> None:
    """The other side of the law, against a forward pass written out."""
    network = random_network("lenet-500-300")
    masks = dict(cases(network))["random 0.5"]
    theta = {
        name: layer.distribution().mean.detach() * torch.from_numpy(masks[name])  # type: ignore[union-attr,operator]
        for name, layer in network.noise.items()
    }
    x = images().flatten(1) * theta["input"]
    x = torch.relu(network.dense1(x)) * theta["dense1"]
    x = torch.relu(network.dense2(x)) * theta["dense2"]
    torch.testing.assert_close(masked(network, masks)(images()), network.output(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_input_network_is_untouched(name: str) -> None:
    network = random_network(name).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for _, masks in cases(network):
        small, copied = compact(network, masks), masked(network, masks)
        with torch.no_grad():
            for changed in (small, copied):
                for parameter in changed.parameters():
                    parameter.add_(1)
    assert network.training
    assert all(layer.fixed_keep is None for layer in network.noise_layers())
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_the_widths_are_the_kept_counts(name: str) -> None:
    network = random_network(name)
    for case, masks in cases(network):
        small, closed = compact(network, masks), close_masks(masks, network.layers)
        counts = [int(closed[layer.name].sum()) for layer in network.layers]
        if not all(counts):
            counts = [0] * len(counts)
        assert [layer.units for layer in small.layers] == counts, case
        made = [count for layer, count in zip(network.layers, counts, strict=True) if layer.kind not in NOT_MADE]
        assert list(small.widths) == made, case
        assert small.output.weight.shape == (10, made[-1])


def test_nothing_kept_is_the_constant_predictor() -> None:
    """Random labels end here: a network like any other that says one thing of every image."""
    for name in NAMES:
        network = random_network(name)
        for case, masks in cases(network):
            if not case.startswith("nothing"):
                continue
            small = compact(network, masks)
            logits = small(images_for(network))
            assert small.constant
            assert torch.equal(logits, logits[:1].expand_as(logits))
            assert sum(p.numel() for p in small.parameters()) == 10


def test_a_dead_channel_takes_its_features_and_the_other_way_round() -> None:
    network = random_network("lenet-5-caffe")
    channels = WIDTHS["lenet-5-caffe"][1]
    everything = dict(cases(network))["all kept"]
    without_channel = everything | {"conv2": np.arange(channels) != 3}
    features = np.ones((channels, 16), bool)
    features[3] = False
    without_features = everything | {"features": features.reshape(-1)}
    one, other = (assert_same_logits(network, masks) for masks in (without_channel, without_features))
    assert one.widths == other.widths == (5, channels - 1, 19)
    # All features of the channels that are left go on, so there is nothing to select.
    assert "noise.features.index" not in one.state_dict()
    torch.testing.assert_close(one(images()), other(images()), rtol=0, atol=0)


def test_the_features_of_a_compact_lenet_5_are_one_selection() -> None:
    network = random_network("lenet-5-caffe")
    features = np.zeros((7, 16), bool)
    features[2, 5] = features[4, :3] = features[6, 15] = True
    masks = dict(cases(network))["all kept"] | {"features": features.reshape(-1)}
    small = assert_same_logits(network, masks)
    assert small.state_dict()["noise.features.index"].tolist() == [5, 16, 17, 18, 47]
    assert small.dense1.weight.shape == (19, 5)


@pytest.mark.parametrize("name", NAMES)
def test_a_compact_network_is_its_name_widths_and_tensors(name: str) -> None:
    network = random_network(name)
    for case, masks in cases(network):
        small = compact(network, masks)
        again = rebuild(name, small.widths, small.state_dict())
        assert torch.equal(again(images_for(network)), small(images_for(network))), case
        assert again.layers == small.layers


def test_a_batch_normalisation_is_in_the_weights_before_it() -> None:
    """By hand, for one channel: (conv(x) - m) / sqrt(v + eps) * g + h, and the padding stays zeros."""
    network = random_network("vgg-like")
    small = compact(network, dict(cases(network))["all kept"])
    x, norm = images_for(network), network.norm["conv1_1"]
    assert not any(isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d) for module in small.modules())
    with torch.no_grad():
        plain = network.conv1_1(x)[:, 3]
        root = torch.sqrt(norm.running_var[3] + norm.eps)
        expected = (plain - norm.running_mean[3]) / root * norm.weight[3] + norm.bias[3]
        torch.testing.assert_close(small.conv1_1(x)[:, 3], expected, rtol=1e-12, atol=1e-12)


def test_what_reaches_the_logits_differs_from_image_to_image() -> None:
    """The law would hold of networks that say the same of everything."""
    for name in NAMES:
        network = random_network(name)
        logits = masked(network, dict(cases(network))["random 0.9"])(images_for(network))
        assert float((logits - logits[:1]).detach().abs().max()) > 1e5 * TOLERANCE[torch.float64], name


@pytest.mark.parametrize("name", NAMES)
def test_networks_cut_of_one_folding_are_their_own(name: str) -> None:
    network = random_network(name)
    folded, all_cases = Folded(network), dict(cases(network))
    first = folded.cut(all_cases["random 0.5"])
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    for masks in all_cases.values():
        once, alone = folded.cut(masks).state_dict(), compact(network, masks).state_dict()
        assert once.keys() == alone.keys()
        assert all(torch.equal(once[key], alone[key]) for key in once)


def test_a_compact_network_can_be_trained_on() -> None:
    network = random_network("lenet-5-caffe", torch.float32)
    small = compact(network, dict(cases(network))["random 0.5"]).train()
    small(images(dtype=torch.float32)).sum().backward()
    assert all(parameter.grad is not None for parameter in small.parameters())


# -- what does not fit is said ---------------------------------------------------------------------------------


def test_masks_that_do_not_fit_are_refused() -> None:
    network = random_network("lenet-500-300")
    masks = dict(cases(network))["all kept"]
    for wrong in ({}, masks | {"dense1": np.ones(5, bool)}, masks | {"conv1": np.ones(5, bool)}):
        for function in (masked, compact):
            with pytest.raises(ValueError, match="masks: expected one a noise layer"):
                function(network, wrong)


def test_a_network_without_noise_is_refused() -> None:
    network = random_network("lenet-500-300")
    with pytest.raises(ValueError, match="compact already"):
        compact(compact(network))
    for layer in network.noise_layers():
        layer.active = False
    with pytest.raises(ValueError, match="pretraining"):
        compact(network)


def test_tensors_that_do_not_fit_are_refused() -> None:
    small = compact(random_network("lenet-5-caffe"), dict(cases(random_network("lenet-5-caffe")))["random 0.2"])
    tensors, widths = small.state_dict(), small.widths
    for wrong, name, at, sentence in (
        (tensors, "lenet", widths, "name: expected one of"),
        (tensors, "lenet-5-caffe", widths[:2], "widths: expected 3 numbers"),
        (tensors, "lenet-5-caffe", (0, *widths[1:]), "all at least 1 or all 0"),
        (tensors, "lenet-5-caffe", (9, *widths[1:]), "conv1.weight: expected shape"),
        ({k: v for k, v in tensors.items() if k != "conv2.bias"}, "lenet-5-caffe", widths, "lacks"),
        (tensors | {"noise.conv1.loc": torch.ones(1)}, "lenet-5-caffe", widths, "no place for"),
        (tensors | {"noise.features.index": torch.tensor([0, 999])}, "lenet-5-caffe", widths, "expected places from 0"),
        (tensors | {"noise.features.index": torch.tensor([0.5])}, "lenet-5-caffe", widths, "expected places from 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            rebuild(name, at, wrong)
