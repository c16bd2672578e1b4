"""The descriptions that ship are those of the modules, and hold at every width."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import describe, describe_module, described, example_of, is_described, layout_of
from sbp.networks.registry import build, build_bare
from sbp.spec.description import Description
from sbp.spec.networks import NETWORKS, SHIPPED, SPECS, description_of
from sbp.spec.run import RunConfig
from tests.pruning.networks import DATASET, WIDTHS

each = pytest.mark.parametrize("name", NETWORKS)


def at_other_widths(name: str) -> Description:
    """Derived from the module of these widths alone."""
    entry = NETWORKS[name]
    model = build_bare(name, WIDTHS[name])
    derived = describe_module(model, example_of(entry), name, entry.title, WIDTHS[name], units=entry.units)
    return replace(derived, scales=SPECS[name].scales)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "vgg-like" else ()) for name in NETWORKS]
)
def test_what_ships_is_what_the_module_says(name: str) -> None:
    """After a change: python -m sbp.networks.describe."""
    shipped = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))
    derived = describe(NETWORKS[name])
    assert Description.from_dict(shipped) == derived == SPECS[name]
    assert shipped == json.loads(json.dumps(derived.to_dict()))
    assert [group.members for group in SPECS[name].groups] == [group.members for group in derived.groups]


def test_no_other_file_ships() -> None:
    assert sorted(path.name for path in SHIPPED.iterdir()) == sorted(f"{name}.json" for name in NETWORKS)


@each
def test_at_other_widths_it_is_what_the_module_says_there(name: str) -> None:
    found, derived = SPECS[name].at(WIDTHS[name]), at_other_widths(name)
    assert [group.members for group in found.groups] == [group.members for group in derived.groups]
    assert found == derived
    assert described(build(name, WIDTHS[name])) == derived


@each
def test_the_numbers_are_those_of_the_module(name: str) -> None:
    """MACs against torch's counter; parameters, where a normalisation counts as the bias that it can be folded into."""
    for widths in ((), WIDTHS[name]):
        model, description = build_bare(name, widths).eval(), SPECS[name].at(widths)
        with FlopCounterMode(display=False) as counter:
            model(example_of(NETWORKS[name], 1))
        units = [group.units for group in description.groups]
        assert counter.get_total_flops() == 2 * description.dense_macs()
        biases = sum(2 * len(norm.weight) for norm in batch_norms(model))
        folded = sum(description.counts(units)[layer.makes] for layer in description.weights if layer.norm)
        params = sum(layer.params(description.counts(units)) for layer in description.weights)
        assert params == sum(parameter.numel() for parameter in model.parameters()) - biases + folded


@each
def test_each_weight_layer_is_a_module_and_each_group_has_makers_and_readers(name: str) -> None:
    model, description = build_bare(name), SPECS[name]
    for layer in description.weights:
        module = model.get_submodule(layer.name)
        assert isinstance(module, nn.Conv2d if layer.kind == "conv" else nn.Linear)
        if layer.norm:
            assert isinstance(model.get_submodule(layer.norm), nn.modules.batchnorm._BatchNorm)
    norms = [path for path, module in model.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    assert sorted(layer.norm for layer in description.weights if layer.norm) == sorted(norms)
    made = {layer.makes for layer in description.weights}
    for group in description.groups:
        assert any(group.name in layer.reads for layer in description.weights)
        assert group.name in made or group.kind in ("pixel", "feature")
        assert set(group.members) >= {layer.name for layer in description.weights if layer.makes == group.name}


def test_which_networks_are_chains() -> None:
    assert {name: SPECS[name].is_chain for name in NETWORKS} == {
        "lenet-500-300": True,
        "lenet-5-caffe": True,
        "vgg-like": True,
        "resnet-20": False,
        "resnet-56": False,
    }


@each
def test_a_runs_pixels_are_described_as_the_module_has_them(name: str) -> None:
    config = RunConfig.flat(network=name, dataset=DATASET[name], widths=WIDTHS[name], pixels=True)
    groups = description_of(config.network).groups
    assert (groups[0].kind, groups[0].units) == ("pixel", NETWORKS[name].image[1] * NETWORKS[name].image[2])
    from sbp.networks.registry import build_for

    network = build_for(config.network, config.noise)
    assert network.sbp_noise.groups == groups  # type: ignore[union-attr]
    assert described(network).groups == groups


def test_residual_blocks_add_up_in_one_group_a_stage() -> None:
    groups = {group.name: group for group in SPECS["resnet-20"].groups}
    assert len(groups) == 12
    assert groups["conv"].members == ("conv", "stages.0.2.conv2", "stages.0.1.conv2", "stages.0.0.conv2")
    shared = [group.units for group in groups.values() if len(group.members) > 1]
    assert shared == [16, 32, 64]
    assert layout_of("resnet-20", (3, 4, 5)).sizes == (3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5)


def test_a_network_of_ones_own_has_no_description_of_ours() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    assert not is_described(model)
    with pytest.raises(ValueError, match="describe_module describes others"):
        described(model)
    found = describe_module(model, torch.zeros(1, 4), "mine")
    assert [(layer.reads, layer.makes, layer.fixed_in, layer.fixed_out) for layer in found.weights] == [
        ((), "0", 4, 0),
        (("0",), "", 0, 2),
    ]


def test_a_description_of_another_schema_is_refused() -> None:
    values = SPECS["lenet-5-caffe"].to_dict()
    with pytest.raises(ValueError, match="schema: expected 1, got 9"):
        Description.from_dict({**values, "schema": 9})
    with pytest.raises(ValueError, match="one that lacks or has"):
        Description.from_dict({key: value for key, value in values.items() if key != "groups"})
