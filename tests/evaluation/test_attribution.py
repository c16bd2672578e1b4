"""Attributions against gradients worked out by hand, where the network is linear, and against Captum's own laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sbp.evaluation.attribution import attribute, balanced, rank_correlation, whole
from sbp.networks.registry import build
from sbp.noise.install import joint_noise_of, noise_of
from tests.pruning.networks import images, random_network

# Which layer reads the units of each group of LeNet-5-Caffe.
READERS = {"conv1": "conv2", "conv2": "dense1", "features": "dense1", "dense1": "output"}


def linear_network() -> nn.Module:
    """Weights and biases above 0, so that every ReLU is open, on black too: the logits are a matrix times the image
    and a constant, which no attribution sees.
    """
    network = build("lenet-500-300", (6, 5))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in (network.dense1, network.dense2, network.output):
            assert isinstance(module, nn.Linear)
            module.weight.copy_(torch.rand(module.weight.shape, generator=generator))
            module.bias.fill_(0.1)
        noise = joint_noise_of(network)
        noise.loc.copy_(torch.rand(len(noise.loc), generator=generator) * 4 - 3)
        noise.log_scale.copy_(torch.rand(len(noise.loc), generator=generator) * 6 - 3)
    return network.double()


def theta(network: nn.Module, name: str) -> torch.Tensor:
    noise = joint_noise_of(network)
    return noise.by_group(noise.distribution().mean.detach())[name]


def test_a_linear_network_by_hand() -> None:
    network, shown, labels = linear_network(), images(4), torch.tensor([0, 3, 9, 3])
    found = attribute(network, shown, labels)
    weights = (network.get_parameter(f"{name}.weight").detach() for name in ("dense1", "dense2", "output"))
    dense1, dense2, output = weights
    first = dense1 * theta(network, "input")
    from_hidden = [output * theta(network, "dense2"), dense2 * theta(network, "dense1")]
    gradient = (from_hidden[0] @ from_hidden[1] @ first)[labels]  # [4, 784]
    x = shown.flatten(1)
    np.testing.assert_allclose(found.pixels["saliency"], gradient.abs().mean(0), rtol=1e-10)
    # Captum keeps the weights of its integral and the sums of its patches in single precision.
    np.testing.assert_allclose(found.pixels["integrated_gradients"], (x * gradient).abs().mean(0), rtol=1e-7)

    # Blackening a patch takes the sum of x times gradient over it; pixel (10, 12) lies in nine patches.
    lost = (x * gradient).reshape(4, 28, 28)
    patches = [lost[:, row : row + 3, column : column + 3].sum((1, 2)) for row in (8, 9, 10) for column in (10, 11, 12)]
    by_hand = torch.stack(patches).mean(0).abs().mean()
    assert found.pixels["occlusion"].reshape(28, 28)[10, 12] == pytest.approx(float(by_hand), rel=1e-6)
    # The corner lies in one patch alone.
    corner = lost[:, :3, :3].sum((1, 2)).abs().mean()
    assert found.pixels["occlusion"][0] == pytest.approx(float(corner), rel=1e-6)

    hidden = x @ first.T  # what the image adds to what the biases alone give
    through = hidden * theta(network, "dense1") * (from_hidden[0] @ dense2)[labels]
    np.testing.assert_allclose(found.units["dense1"], through.abs().mean(0), rtol=1e-7)
    second = (hidden * theta(network, "dense1")) @ dense2.T
    last = second * theta(network, "dense2") * output[labels]
    np.testing.assert_allclose(found.units["dense2"], last.abs().mean(0), rtol=1e-7)


def test_removed_units_count_too_and_the_network_is_left_as_it_was() -> None:
    network = linear_network()
    noise_of(network).set_masks({"dense1": torch.tensor([True] + [False] * 5)})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = attribute(network, images(2), torch.tensor([1, 2]))
    assert (found.units["dense1"] > 0).all()
    assert noise_of(network).keep["dense1"].sum() == 1
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    assert noise_of(whole(network)).keep_units().all()


def test_the_conductance_of_a_layer_adds_up_to_what_the_image_changes() -> None:
    """Completeness, one example at a time: all of a layer's conductance is F(x) - F(black)."""
    network, shown = random_network("lenet-5-caffe"), images(1)
    full = whole(network)
    from captum.attr import LayerConductance

    gained = (full(shown) - full(torch.zeros_like(shown)))[0, 4].item()
    found = attribute(network, shown, torch.tensor([4]), steps=200)
    for name in READERS:
        # What the layer that reads a group reads: of a channel the map after pooling, of a feature its place.
        layer = LayerConductance(full, full.get_submodule(READERS[name]))
        own = shown.clone().requires_grad_()
        parts = layer.attribute(own, target=4, n_steps=200, method="riemann_trapezoid", attribute_to_layer_input=True)
        parts = parts.detach()
        assert float(parts.sum()) == pytest.approx(gained, rel=0.02)
        mine = found.units[name]
        by_unit = parts.reshape(len(mine), -1).sum(1).abs()
        np.testing.assert_allclose(mine, by_unit, rtol=1e-9, atol=1e-12)


def test_batches_change_nothing() -> None:
    network, shown, labels = random_network("lenet-500-300"), images(60), torch.arange(60) % 10
    at_once = attribute(network, shown, labels, steps=4)
    parts = [attribute(network, shown[k : k + 20], labels[k : k + 20], steps=4) for k in (0, 20, 40)]
    for name, values in at_once.pixels.items():
        np.testing.assert_allclose(values, np.mean([part.pixels[name] for part in parts], axis=0), rtol=1e-9)


@pytest.mark.parametrize("labels", [torch.tensor([1]), torch.tensor([], dtype=torch.int64)])
def test_images_and_labels_must_go_together(labels: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="as many labels as images"):
        attribute(linear_network(), images(len(labels) and 2), labels)


def test_rank_correlation_by_hand() -> None:
    """Ranks 1 2 3 4 5 against 1 2 3 5 4: 1 - 6 * 2 / (5 * 24) = 0.9."""
    assert rank_correlation(np.array([1, 2, 3, 4, 5]), np.array([0.1, 0.2, 7, 9, 8])) == pytest.approx(0.9)
    where = np.array([True] * 5 + [False])
    assert rank_correlation(np.arange(6), np.array([5, 4, 3, 2, 1, 99]), where) == -1
    assert rank_correlation(np.arange(4), np.arange(4)) is None
    assert rank_correlation(np.arange(9), np.ones(9)) is None


def test_the_sample_is_the_first_of_each_class() -> None:
    labels = np.array([3, 3, 3, 1, 1, 0])
    assert balanced(labels, 2).tolist() == [0, 1, 3, 4, 5]
