"""Torch-Pruning as a method: its own regulariser and removal are the yardsticks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch_pruning
from torch import Tensor, nn

from sbp.compaction import compact
from sbp.data.datasets import load
from sbp.methods.registry import method_for
from sbp.methods.torch_pruning import IMPORTANCE, TorchPruning, chosen
from sbp.networks.describe import described
from sbp.noise.install import noise_of, uninstall
from sbp.spec import RunConfig
from sbp.spec.records import Record
from sbp.training.loop import Training
from tests.methods.cases import config_of
from tests.pruning.networks import NAMES, images_for, random_network

CRITERIA = tuple(IMPORTANCE)


def made(name: str, criterion: str = "group-norm") -> tuple[TorchPruning, nn.Module]:
    config = config_of("torch-pruning", name, criterion=criterion, finetune_epochs=1)
    torch.manual_seed(0)
    method = method_for(config.method, config.network, config.noise)
    assert isinstance(method, TorchPruning)
    network = method.build()
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    return method, network


def bare(network: nn.Module) -> tuple[nn.Module, list[nn.Module]]:
    """It without masks, and the layer that makes the logits."""
    plain = uninstall(copy.deepcopy(network))
    return plain, [plain.get_submodule(wire.name) for wire in described(network).weights if not wire.makes]


@pytest.mark.parametrize("name", NAMES)
def test_the_decay_of_groups_has_the_gradient_of_their_regulariser(name: str) -> None:
    method, network = made(name)
    method.penalty(network, 1, torch.ones(())).term.backward()
    plain, last = bare(network)
    for parameter in plain.parameters():
        parameter.grad = torch.zeros_like(parameter)
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    theirs = torch_pruning.pruner.GroupNormPruner(
        plain, images_for(network, 1).float(), importance, reg=method.settings.group_decay, ignored_layers=last
    )
    theirs.regularize(plain, alpha=2**4)
    for (label, parameter), (_, other) in zip(network.named_parameters(), plain.named_parameters(), strict=True):
        assert other.grad is not None
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.testing.assert_close(found, other.grad, rtol=1e-4, atol=1e-8, msg=label)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_costs_what_was_asked_for_and_can_be_cut_out(name: str, criterion: str) -> None:
    _, network = made(name, criterion)
    images, labels = images_for(network, 30).float(), torch.arange(30) % 10
    description, shares = described(network), []
    for share in (1.0, 0.8, 0.6):
        masks = chosen(network, criterion, share, images, labels)
        shares.append(description.macs([int(mask.sum()) for mask in masks.values()]) / description.dense_macs())
        assert shares[-1] <= share
    assert shares[0] == 1.0
    assert shares[1] > shares[2] > 0.4
    noise_of(network).set_masks(masks)
    network.eval()
    with torch.no_grad():
        torch.testing.assert_close(compact(network)(images), network(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["lenet-5-caffe", "resnet-20"])
def test_it_keeps_what_their_pruner_keeps(name: str) -> None:
    """Their own removal leaves layers of these widths, at a ratio of that many units."""
    _, network = made(name)
    images = images_for(network, 4).float()
    masks = chosen(network, "group-norm", 0.4, images, torch.zeros(4, dtype=torch.long))
    makers = [wire for wire in described(network).weights if wire.makes]
    kept = [int(masks[wire.makes].sum()) for wire in makers]
    removed = sum(int((~mask).sum()) for key, mask in masks.items() if key != "features")
    units = sum(group.units for group in described(network).groups if group.kind in ("channel", "neuron"))

    def widths(ratio: float) -> list[int]:
        plain, last = bare(network)
        importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
        pruner = torch_pruning.pruner.BasePruner(plain.eval(), images[:1], importance, True, ratio, ignored_layers=last)
        pruner.step()
        return [len(plain.get_submodule(wire.name).get_parameter("weight")) for wire in makers]

    assert kept in [widths((removed + more) / units) for more in (-1.5, -0.5, 0.5)]


@pytest.mark.parametrize("uniform", [False, True])
def test_a_small_share_of_a_network_with_large_groups_is_found(uniform: bool) -> None:
    network = random_network("lenet-500-300", torch.float32, own_widths=True)
    images, labels = images_for(network, 2).float(), torch.zeros(2, dtype=torch.long)
    masks = chosen(network, "magnitude", 0.047, images, labels, uniform)
    kept = [int(mask.sum()) for mask in masks.values()]
    assert 0.045 < described(network).macs(kept) / 545_000 <= 0.047
    if uniform:
        assert kept[1] / 500 == pytest.approx(kept[2] / 300, abs=0.004)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_units_leave_when_fine_tuning_begins_and_stay_away(criterion: str) -> None:
    config = RunConfig.flat(
        network="lenet-500-300",
        dataset="digits",
        widths=(20, 12),
        method="torch-pruning",
        criterion=criterion,
        kept_macs=0.4,
        pretrain_epochs=1,
        epochs=2,
        finetune_epochs=2,
        batch_size=100,
        device="cpu",
    )
    training = Training(config, load("digits"))
    records = [event for event in training.events() if isinstance(event, Record)]
    kept = [record.kept for record in records]
    assert kept[:3] == [(784, 20, 12)] * 3
    assert kept[3] == kept[4] != kept[0]
    assert 0.3 < records[-1].macs / records[0].macs <= 0.4
    assert records[-1].kl == 0


def test_a_seldom_used_unit_leaves_first() -> None:
    _, network = made("lenet-500-300")
    weak: Tensor = network.get_submodule("dense1").get_parameter("weight")
    with torch.no_grad():
        weak[[2, 5]] *= 1e-3
    for criterion in CRITERIA:
        masks = chosen(network, criterion, 0.9, images_for(network, 40).float(), torch.arange(40) % 10)
        assert not masks["dense1"][[2, 5]].any()
        assert np.count_nonzero(~masks["dense1"]) < len(weak) / 2
