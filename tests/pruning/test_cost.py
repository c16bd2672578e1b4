"""What a network costs, against torch's own count, a network's own tensors, and the paper's rows."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sbp.compaction.folded import Folded
from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.pruning.cost import Cost, layer_costs, network_cost
from sbp.spec.networks import SPECS
from tests.pruning.networks import NAMES, WIDTHS, cases, images_for, kept_of, present_of, random_network

CASES = [(name, case) for name in NAMES for case, _ in cases(random_network(name))]


def counted_flops(network: nn.Module) -> int:
    """FLOPs of one image by torch's counter."""
    with FlopCounterMode(display=False) as counter:
        network(images_for(network, 1))
    return int(counter.get_total_flops())


def assert_cost_of(network: nn.Module, cost: Cost) -> None:
    """The cost on paper is the one of the tensors and of the counter."""
    assert 2 * cost.macs == counted_flops(network)
    assert cost.params == sum(p.numel() for p in network.parameters())
    for layer in cost.layers:
        module = network.get_submodule(layer.name)
        assert isinstance(module, nn.Linear | nn.Conv2d)
        assert module.bias is not None
        assert (layer.outputs, layer.inputs) == module.weight.shape[:2]
        assert layer.params == module.weight.numel() + module.bias.numel()
        assert layer.weight_bytes == 4 * layer.params


@pytest.mark.parametrize("name", NAMES)
def test_the_dense_network_costs_what_torch_counts(name: str) -> None:
    """As it would be deployed: a batch normalisation is in the weights before it."""
    for widths in ((), WIDTHS[name]):
        network = build(name, widths).eval()
        groups = described(network).groups
        cost = network_cost(name, [group.units for group in groups])
        assert_cost_of(Folded(network).cut({group.name: np.ones(group.units, bool) for group in groups}), cost)
        assert 2 * cost.macs == counted_flops(network)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_compact_network_costs_what_torch_counts(name: str, case: str) -> None:
    """A group that keeps nothing leaves one unit that nothing hears, which costs something; what it does not leave is
    not counted, and nothing at all where nothing reaches the classes."""
    network = random_network(name)
    masks = dict(cases(network))[case]
    kept, present = kept_of(network, masks), present_of(network, masks)
    assert_cost_of(Folded(network).cut(masks), network_cost(name, present))
    cost = network_cost(name, kept)
    assert cost.macs == SPECS[name].macs(kept)
    assert (cost == network_cost(name, present)) == (kept == present)
    assert cost.macs <= network_cost(name, present).macs


def test_the_papers_own_counts() -> None:
    fully, caffe = network_cost("lenet-500-300"), network_cost("lenet-5-caffe")
    assert (fully.macs, caffe.macs) == (545_000, 2_293_000)
    # 784*500 + 500 + 500*300 + 300 + 300*10 + 10, and 500 + 20 + 25000 + 50 + 400000 + 500 + 5000 + 10.
    assert (fully.params, caffe.params) == (545_810, 431_080)
    assert round(fully.macs / network_cost("lenet-500-300", (245, 160, 55)).macs, 2) == 11.23
    assert round(caffe.macs / network_cost("lenet-5-caffe", (3, 18, 284, 283)).macs, 2) == 10.78


@pytest.mark.parametrize("case", ["all kept", "random 0.5"])
@pytest.mark.parametrize("name", NAMES)
def test_activations_are_what_the_layers_put_out(name: str, case: str) -> None:
    network = random_network(name)
    masks = dict(cases(network))[case]
    small = Folded(network).cut(masks)
    cost = network_cost(name, present_of(network, masks), number_bytes=8)
    put_out: dict[str, int] = {}
    for layer in cost.layers:
        module = small.get_submodule(layer.name)
        module.register_forward_hook(lambda _m, _x, y, name=layer.name: put_out.update({name: y[0].numel()}))
    small(images_for(network, 1))
    assert {layer.name: layer.activations for layer in cost.layers} == put_out
    assert cost.activations == sum(put_out.values())
    assert cost.activation_bytes == 8 * cost.activations
    assert cost.weight_bytes == 8 * cost.params


def test_the_layers_of_the_papers_small_lenet_5_by_hand() -> None:
    conv1, conv2, dense1, output = layer_costs("lenet-5-caffe", (3, 18, 284, 283))
    assert (conv1.kind, conv1.inputs, conv1.outputs, conv1.params) == ("conv", 1, 3, 78)
    assert (conv1.macs, conv1.activations) == (43_200, 1_728)
    assert (conv2.inputs, conv2.outputs, conv2.params, conv2.macs) == (3, 18, 1_368, 86_400)
    assert (conv2.activations, conv2.activation_bytes) == (1_152, 4_608)
    assert (dense1.kind, dense1.macs, dense1.weight_bytes) == ("dense", 80_372, 4 * 80_655)
    assert (output.macs, output.outputs, output.activations) == (2_830, 10, 10)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_kept_on_the_way_to_the_classes_costs_ten_biases(name: str) -> None:
    """In a chain each group is; in a residual network what its blocks add up in, while a block can be left out."""
    units = np.array([group.units for group in SPECS[name].layers()])
    for empty, group in enumerate(SPECS[name].layers()):
        if name == "resnet-20" and group.name not in ("conv", "stages.1.0.conv2", "stages.2.0.conv2"):
            assert network_cost(name, np.where(np.arange(len(units)) == empty, 0, units).tolist()).macs > 0
            continue
        cost = network_cost(name, np.where(np.arange(len(units)) == empty, 0, units).tolist())
        assert (cost.macs, cost.params) == (0, 10)


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(ValueError, match=r"name: expected one of lenet-500-300, .*, resnet-56, got 'vgg'"):
        layer_costs("vgg")
    for wrong in ((245, 160), (245, 160, 55, 10), (245, -1, 55)):
        with pytest.raises(ValueError, match="kept: expected a count for each of input, dense1, dense2, got"):
            network_cost("lenet-500-300", wrong)
