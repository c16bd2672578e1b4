"""The networks: shapes, widths, where the noise stands, and what it costs."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from sbp.networks.describe import described
from sbp.networks.registry import NETWORKS, build
from sbp.noise.install import noise_of
from sbp.spec.networks import SPECS

WIDTHS = {
    "lenet-500-300": (7, 5),
    "lenet-5-caffe": (3, 4, 6),
    "vgg-like": (3, 4, 2, 5) * 3 + (4, 6),
    "resnet-20": (3, 4, 6),
    "resnet-56": (2, 4, 3),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("own", [True, False])
def test_the_noise_layers_are_those_of_the_spec(name: str, own: bool) -> None:
    widths = () if own else WIDTHS[name]
    network = build(name, widths)
    assert noise_of(network).groups == SPECS[name].layers(widths)
    assert noise_of(network).refused == ()
    assert network(torch.rand(2, *described(network).image)).shape == (2, 10)


@pytest.mark.parametrize("name", NETWORKS)
def test_macs_are_half_of_torchs_flops(name: str) -> None:
    network = build(name).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, *described(network).image))
    assert counter.get_total_flops() == 2 * SPECS[name].dense_macs()


def test_the_papers_rows_have_the_macs_that_the_facts_give() -> None:
    lenet, caffe = SPECS["lenet-500-300"], SPECS["lenet-5-caffe"]
    assert round(lenet.dense_macs() / lenet.macs([245, 160, 55]), 2) == 11.23
    assert round(lenet.dense_macs() / lenet.macs([434, 174, 78]), 2) == 6.06
    assert round(caffe.dense_macs() / caffe.macs([3, 18, 284, 283]), 2) == 10.78
    assert caffe.macs([3, 12, 192, 500]) == 201_800


@pytest.mark.parametrize("name", NETWORKS)
def test_noise_at_one_changes_nothing(name: str) -> None:
    """With every theta 1 the network is the same network without noise."""
    torch.manual_seed(0)
    network, x = build(name, WIDTHS[name]), torch.rand(3, *SPECS[name].image)
    noise = noise_of(network.eval())
    with noise.using(theta=torch.ones(3, noise.layout.n_units)):
        noisy = network(x)
    assert not torch.equal(noisy, network(x))
    with noise.using("off"):
        assert torch.equal(noisy, network(x))


def test_a_channels_noise_after_pooling_is_the_same_as_after_relu() -> None:
    """theta >= 0 passes through the maximum, which is why it may stand where the channel is read."""
    torch.manual_seed(0)
    maps, theta = torch.randn(2, 3, 8, 8), torch.rand(2, 3, 1, 1)
    before = functional.max_pool2d(functional.relu(maps) * theta, 2)
    assert torch.equal(before, functional.max_pool2d(functional.relu(maps), 2) * theta)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="lenet-500-300, lenet-5-caffe, vgg-like, resnet-20, resnet-56, got 'vgg'"):
        build("vgg")
