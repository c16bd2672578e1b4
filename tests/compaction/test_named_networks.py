"""One law: masked logits = compact logits, for every network, whatever is kept; and what a compact network is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sbp.compaction import compact, masked, masks_of
from sbp.compaction.folded import Folded
from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import described
from sbp.noise.install import has_noise, joint_noise_of, noise_of
from sbp.noise.selected_linear import SelectedLinear
from sbp.noise.unit_mask import UNDECIDED
from sbp.pruning.masks import Masks
from tests.pruning.networks import NAMES, WIDTHS, cases, images, images_for, kept_of, present_of, random_network

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
CASES = [(name, case) for name in NAMES for case, _ in cases(random_network(name))]
Cut = Callable[[nn.Module, Masks | None], nn.Module]


def folded(network: nn.Module, masks: Masks | None = None) -> nn.Module:
    """The other way to a compact network, which a run's export takes."""
    return Folded(network).cut(masks)


def assert_same_logits(network: nn.Module, masks: Masks, cut: Cut = compact) -> nn.Module:
    """The law. Hands back the compact network for what else there is to see."""
    x = images_for(network)
    tolerance = TOLERANCE[x.dtype]
    small = cut(network, masks)
    with torch.no_grad():
        expected, got = masked(network, masks)(x), small(x)
    assert got.dtype == x.dtype
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance)
    return small


@pytest.mark.parametrize("cut", [compact, folded])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=["float64", "float32"])
@pytest.mark.parametrize(("name", "case"), CASES)
def test_masked_and_compact_logits_are_the_same(name: str, case: str, dtype: torch.dtype, cut: Cut) -> None:
    network = random_network(name, dtype)
    small = assert_same_logits(network, dict(cases(network))[case], cut)
    assert type(small) is type(network)
    assert not small.training
    assert not has_noise(small)
    assert len(batch_norms(small)) == (0 if cut is folded else len(batch_norms(network)))


@pytest.mark.parametrize("name", NAMES)
def test_at_the_networks_own_widths_and_by_its_own_keep(name: str) -> None:
    network = random_network(name, torch.float32, own_widths=True)
    masks = masks_of(network)
    assert all(0 < mask.sum() < len(mask) for mask in masks.values())
    small = assert_same_logits(network, masks)
    x = images_for(network)
    with torch.no_grad():
        torch.testing.assert_close(compact(network)(x), small(x), rtol=0, atol=0)
        torch.testing.assert_close(network.eval()(x), small(x), rtol=1e-5, atol=1e-5)


def test_a_masked_network_is_one_with_zeros_by_hand() -> None:
    """The other side of the law, against a forward pass written out."""
    network = random_network("lenet-500-300")
    masks = dict(cases(network))["random 0.5"]
    noise = joint_noise_of(network)
    means = noise.by_group(noise.distribution().mean.detach())
    theta = {name: mean * torch.from_numpy(masks[name]) for name, mean in means.items()}
    state = network.state_dict()  # a layer that is called by itself multiplies what it reads as well

    def dense(name: str, x: Tensor) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    x = images().flatten(1) * theta["input"]
    x = torch.relu(dense("dense1", x)) * theta["dense1"]
    x = torch.relu(dense("dense2", x)) * theta["dense2"]
    by_hand = dense("output", x)
    torch.testing.assert_close(masked(network, masks)(images()), by_hand, rtol=1e-12, atol=1e-12)


def resnet_by_hand(network: nn.Module, x: Tensor, theta: dict[str, Tensor]) -> Tensor:
    """ResNet-20 in eval mode from its `state_dict`; theta: the factor of each unit, by group, wherever it is read."""
    state = network.state_dict()
    stage = {0: "conv", 1: "stages.1.0.conv2", 2: "stages.2.0.conv2"}  # the groups that a stage's blocks add up in

    def normalised(name: str, x: Tensor) -> Tensor:
        column = {leaf: state[f"{name}.{leaf}"].view(1, -1, 1, 1) for leaf in ("weight", "bias")}
        mean, variance = (state[f"{name}.running_{what}"].view(1, -1, 1, 1) for what in ("mean", "var"))
        return (x - mean) / torch.sqrt(variance + 1e-5) * column["weight"] + column["bias"]

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        return nn.functional.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)

    def of(name: str, x: Tensor) -> Tensor:
        return x * theta[name].view(1, -1, 1, 1)

    x, read = torch.relu(normalised("norm", conv("conv", x))), stage[0]
    for number in range(3):
        for block in range(3):
            path = f"stages.{number}.{block}"
            stride = 2 if number and not block else 1
            inner = torch.relu(normalised(f"{path}.norm1", conv(f"{path}.conv1", of(read, x), stride)))
            y = normalised(f"{path}.norm2", conv(f"{path}.conv2", of(f"{path}.conv1", inner)))
            wider = number and not block
            # The identity carries x itself: a unit is multiplied where it is read, once.
            way = normalised(f"{path}.shortcut.1", conv(f"{path}.shortcut.0", of(read, x), stride)) if wider else x
            x, read = torch.relu(y + way), stage[number]
    return (x.mean((2, 3)) * theta[read]) @ state["output.weight"].T + state["output.bias"]


def test_a_masked_residual_network_is_one_with_zeros_by_hand() -> None:
    network = random_network("resnet-20")
    masks = dict(cases(network))["random 0.5"]
    noise = joint_noise_of(network)
    means = noise.by_group(noise.distribution().mean.detach())
    theta = {name: mean * torch.from_numpy(masks[name]) for name, mean in means.items()}
    x = images_for(network)
    by_hand = resnet_by_hand(network, x, theta)
    torch.testing.assert_close(masked(network, masks)(x), by_hand, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", NAMES)
def test_the_input_network_is_untouched(name: str) -> None:
    network = random_network(name).train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for _, masks in cases(network):
        with torch.no_grad():
            for changed in (compact(network, masks), masked(network, masks), folded(network, masks)):
                for parameter in changed.parameters():
                    parameter.add_(1)
    assert network.training
    assert (noise_of(network).decided == UNDECIDED).all()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("cut", [compact, folded])
@pytest.mark.parametrize("name", NAMES)
def test_the_sizes_are_the_kept_counts(name: str, cut: Cut) -> None:
    network = random_network(name)
    for case, masks in cases(network):
        small = cut(network, masks)
        present = dict(zip(noise_of(network).layout.names, present_of(network, masks), strict=True))
        for layer in described(network).weights:
            module = small.get_submodule(layer.name)
            expected = layer.outputs(present), layer.inputs(present)
            assert module.get_parameter("weight").shape[:2] == expected, (case, layer.name)
            names = ("out_channels", "in_channels") if layer.kind == "conv" else ("out_features", "in_features")
            assert tuple(getattr(module, attribute) for attribute in names) == expected, (case, layer.name)


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_reaches_the_classes_it_is_the_constant_predictor(name: str) -> None:
    """Random labels end here: a network like any other that says one thing of every image."""
    network, constant = random_network(name), 0
    for case, masks in cases(network):
        small, x = compact(network, masks), images_for(network)
        logits = small(x)
        apart = float((logits - logits[:1]).detach().abs().max())
        if described(network).macs(kept_of(network, masks)) == 0:
            constant += 1
            assert apart < 1e-12, case
        elif case == "all kept" or case.startswith("nothing"):
            assert apart > 1e-5, case
    # Of a chain any group, and all at once; of a residual network what its blocks add up in. And by chance, as among
    # the fifth that "random 0.2" keeps.
    assert constant >= (4 if name == "resnet-20" else len(described(network).groups) + 1)


def test_a_dead_channel_takes_its_features_and_the_other_way_round() -> None:
    network = random_network("lenet-5-caffe")
    channels = WIDTHS["lenet-5-caffe"][1]
    everything = dict(cases(network))["all kept"]
    without_channel = everything | {"conv2": np.arange(channels) != 3}
    features = np.ones((channels, 16), bool)
    features[3] = False
    without_features = everything | {"features": features.reshape(-1)}
    one, other = (assert_same_logits(network, masks) for masks in (without_channel, without_features))
    for small in (one, other):
        assert len(small.get_parameter("conv2.weight")) == channels - 1
    # All features of the channels that are left go on, so there is nothing to select.
    assert type(one.dense1) is type(other.dense1) is nn.Linear
    torch.testing.assert_close(one(images()), other(images()), rtol=0, atol=0)


def test_the_features_of_a_compact_lenet_5_are_one_selection() -> None:
    network = random_network("lenet-5-caffe")
    features = np.zeros((7, 16), bool)
    features[2, 5] = features[4, :3] = features[6, 15] = True
    masks = dict(cases(network))["all kept"] | {"features": features.reshape(-1)}
    small = assert_same_logits(network, masks)
    assert isinstance(small.dense1, SelectedLinear)
    assert small.state_dict()["dense1.index"].tolist() == [5, 16, 17, 18, 47]
    assert small.dense1.weight.shape == (19, 5)


@pytest.mark.parametrize("name", ["vgg-like", "resnet-20"])
def test_a_batch_normalisation_is_in_the_weights_before_it(name: str) -> None:
    """By hand, for one channel: (conv(x) - m) / sqrt(v + eps) * g + h, and the padding stays zeros."""
    network = random_network(name)
    first = described(network).weights[0]
    small = folded(network, dict(cases(network))["all kept"])
    x, conv, norm = images_for(network), network.get_submodule(first.name), network.get_submodule(first.norm)
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        plain = conv(x)[:, 3]
        root = torch.sqrt(norm.get_buffer("running_var")[3] + norm.eps)
        expected = (plain - norm.get_buffer("running_mean")[3]) / root * norm.weight[3] + norm.bias[3]
        torch.testing.assert_close(small.get_submodule(first.name)(x)[:, 3], expected, rtol=1e-12, atol=1e-12)


def test_what_reaches_the_logits_differs_from_image_to_image() -> None:
    """The law would hold of networks that say the same of everything."""
    for name in NAMES:
        network = random_network(name)
        logits = masked(network, dict(cases(network))["random 0.9"])(images_for(network))
        assert float((logits - logits[:1]).detach().abs().max()) > 1e5 * TOLERANCE[torch.float64], name


@pytest.mark.parametrize("name", NAMES)
def test_networks_cut_of_one_folding_are_their_own(name: str) -> None:
    network = random_network(name)
    once, all_cases = Folded(network), dict(cases(network))
    first = once.cut(all_cases["random 0.5"])
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    for masks in all_cases.values():
        again, alone = once.cut(masks).state_dict(), folded(network, masks).state_dict()
        assert again.keys() == alone.keys()
        assert all(torch.equal(again[key], alone[key]) for key in again)


@pytest.mark.parametrize("name", ["lenet-5-caffe", "resnet-20"])
def test_a_compact_network_can_be_trained_on(name: str) -> None:
    network = random_network(name, torch.float32)
    small = compact(network, dict(cases(network))["random 0.5"]).train()
    small(images_for(network)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in small.parameters())


# -- what does not fit is said ---------------------------------------------------------------------------------


def test_masks_that_do_not_fit_are_refused() -> None:
    network = random_network("lenet-500-300")
    masks = dict(cases(network))["all kept"]
    for wrong in ({}, masks | {"dense1": np.ones(5, bool)}, masks | {"conv1": np.ones(5, bool)}):
        for function in (masked, compact, folded):
            with pytest.raises(ValueError, match="Expected one value for each unit of each group"):
                function(network, wrong)


def test_a_network_without_noise_is_refused() -> None:
    network = random_network("lenet-500-300")
    with pytest.raises(ValueError, match="Expected a network with noise"):
        compact(compact(network))
    noise_of(network).mode = "off"
    for refuses in (masks_of, masked, compact, folded):
        with pytest.raises(ValueError, match="pretraining"):
            refuses(network)
