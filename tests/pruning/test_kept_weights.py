"""The weights of kept units alone: what is computed with them, and what comes back from a file of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sbp.networks.registry import build
from sbp.networks.tensors import file_tensors, load_file_tensors
from sbp.noise.install import noise_of
from sbp.pruning.kept_weights import KEPT, cut, pack, padded, unpack
from sbp.pruning.masks import propagate
from sbp.spec.description import Description
from sbp.spec.networks import SPECS

CASES = {
    "lenet-500-300": (20, 10),
    "lenet-5-caffe": (4, 6, 12),
    "vgg-like": (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 8, 9, 10, 11),
    "resnet-20": (6, 8, 10),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Description, torch.nn.Module, dict[str, np.ndarray]]:
    """A narrow network with random weights, and masks that keep some 60 % of it."""
    torch.manual_seed(0)
    name = str(request.param)
    network, description = build(name, CASES[name]).eval(), SPECS[name].at(CASES[name])
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    rng = np.random.default_rng(0)
    masks = {group.name: rng.random(group.units) < 0.6 for group in description.groups}
    for mask in masks.values():
        mask[0] = True
    return description, network, propagate(masks, description.groups)


def logits(network: torch.nn.Module, masks: dict[str, np.ndarray], images: torch.Tensor) -> torch.Tensor:
    noise_of(network).set_masks({name: torch.from_numpy(mask) for name, mask in masks.items()})
    with torch.no_grad():
        return network(images)


def test_a_network_of_kept_units_alone_computes_what_the_masked_one_does(
    case: tuple[Description, torch.nn.Module, dict[str, np.ndarray]],
) -> None:
    description, network, masks = case
    images = torch.rand(3, *description.image)
    arrays = {name: tensor.numpy() for name, tensor in file_tensors(network).items()}
    widths, units = padded(description, masks)
    assert all(small <= whole for small, whole in zip(widths, description.widths, strict=True))
    assert all(units[name][mask].all() for name, mask in masks.items())
    small = build(description.name, widths).eval()
    kept = cut(description, arrays, units)
    for name, mask in units.items():
        for part in ("loc", "log_scale"):
            kept[f"noise.{name}.{part}"] = arrays[f"noise.{name}.{part}"][mask]
    load_file_tensors(small, {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in kept.items()})
    own = {name: mask[units[name]] for name, mask in masks.items()}
    expected = logits(network, masks, images)
    assert expected.std() > 0
    torch.testing.assert_close(logits(small, own, images), expected, rtol=1e-5, atol=1e-5)


def test_what_was_packed_comes_back_with_zeros_for_what_was_pruned(
    case: tuple[Description, torch.nn.Module, dict[str, np.ndarray]],
) -> None:
    description, network, masks = case
    arrays = {name: tensor.numpy() for name, tensor in file_tensors(network).items()}
    packed = pack(description, arrays, masks)
    assert sum(a.nbytes for a in packed.values()) < 0.75 * sum(a.nbytes for a in arrays.values())
    back = unpack(description, packed)
    assert {name: a.shape for name, a in back.items()} == {name: a.shape for name, a in arrays.items()}
    images = torch.rand(3, *description.image)
    expected = logits(network, masks, images)
    load_file_tensors(network, {name: torch.from_numpy(value) for name, value in back.items()})
    torch.testing.assert_close(logits(network, masks, images), expected, rtol=1e-5, atol=1e-5)
    assert unpack(description, arrays).keys() == arrays.keys()


def test_a_file_that_contradicts_its_masks_is_refused(
    case: tuple[Description, torch.nn.Module, dict[str, np.ndarray]],
) -> None:
    description, network, masks = case
    packed = pack(description, {name: t.numpy() for name, t in file_tensors(network).items()}, masks)
    first = description.weights[0].name
    with pytest.raises(ValueError, match=f"{first}.weight: expected"):
        unpack(description, {**packed, f"{first}.weight": packed[f"{first}.weight"][:-1]})
    with pytest.raises(ValueError, match="a mask of kept units for each of"):
        unpack(description, {**packed, f"{KEPT}{description.groups[0].name}": np.ones(1, np.uint8)})
