"""What leads to a unit and on from it, against the effect of the unit itself on what follows."""

from __future__ import annotations

import numpy as np
import pytest

from sbp.export.computed import ComputedNetwork
from sbp.pruning import connections
from sbp.spec.graph import shipped_of
from sbp.spec.networks import SPECS
from tests.made_up_weights import random_arrays, random_noise

Masks = dict[str, np.ndarray]


def network(name: str) -> ComputedNetwork:
    about, noise = SPECS[name], random_noise(SPECS[name].groups)
    loc, log_scale = ({g.name: noise[f"noise.{g.name}.{part}"] for g in about.groups} for part in ("loc", "log_scale"))
    return ComputedNetwork(about, random_arrays(about), loc, log_scale, graph=shipped_of(name, ()) or b"")


def everything(net: ComputedNetwork) -> Masks:
    return {group.name: np.ones(group.units, bool) for group in net.groups}


@pytest.mark.parametrize(
    ("name", "group", "layer"),
    [
        ("lenet-500-300", "dense2", "output"),
        ("lenet-5-caffe", "dense1", "output"),
        ("vgg-like", "dense1", "output"),
        ("resnet-20", "stages.2.0.conv2", "output"),
    ],
)
def test_outgoing_weights_are_what_a_unit_adds_to_the_logits(name: str, group: str, layer: str) -> None:
    net = network(name)
    image, masks = np.random.default_rng(3).random(net.description.image).astype(np.float32), everything(net)
    said = net.trace(image, masks)
    values = said[group] if said[group].ndim == 1 else said[group].mean(axis=(1, 2))  # averaged before it is read
    found = connections.readers(net.description, group)
    assert found[-1].name == layer
    unit = int(np.argmax(values * net.theta[group]))
    out = connections.outgoing(net.description, net.weights, group, unit, masks)
    assert out is not None
    if out.layer != layer:  # a residual group is read by blocks before the last layer reads it
        return
    without = {**masks, group: masks[group] & (np.arange(len(masks[group])) != unit)}
    change = said["logits"] - net.trace(image, without)["logits"]
    np.testing.assert_allclose(change, out.values * values[unit] * net.theta[group][unit], atol=1e-3)


def test_the_other_ends_by_hand() -> None:
    net = network("lenet-5-caffe")
    about, weights, masks = net.description, net.weights, everything(net)
    masks["features"][20:] = False  # channel 1 keeps its features 16 to 19
    one = connections.outgoing(about, weights, "conv1", 2, masks)
    assert one is not None
    assert (one.group, one.layer, one.what) == ("conv2", "conv2", "mean |w| of a filter")
    np.testing.assert_allclose(one.values[3], np.abs(weights["conv2.weight"][3, 2]).mean(), rtol=1e-6)
    two = connections.outgoing(about, weights, "conv2", 1, masks)
    assert two is not None
    np.testing.assert_allclose(two.values[4], np.abs(weights["dense1.weight"][4, 16:20]).mean(), rtol=1e-6)
    three = connections.outgoing(about, weights, "features", 17, masks)
    assert three is not None
    np.testing.assert_array_equal(three.values, weights["dense1.weight"][:, 17])
    own = connections.filters(about, weights, "features", 17)
    assert own is not None
    np.testing.assert_array_equal(own, weights["conv2.weight"][1])
    into = connections.incoming(about, weights, "dense1", 4, masks)
    assert into is not None
    np.testing.assert_array_equal(into.values, weights["dense1.weight"][4])
    assert (into.group, into.keep.sum()) == ("features", 20)


def test_the_ends_of_a_residual_network() -> None:
    net = network("resnet-20")
    masks = everything(net)
    assert connections.incoming(net.description, net.weights, "conv", 0, masks) is None
    own = connections.filters(net.description, net.weights, "stages.1.0.conv1", 5)
    assert own is not None
    np.testing.assert_array_equal(own, net.weights["stages.1.0.conv1.weight"][5])
    out = connections.outgoing(net.description, net.weights, "stages.1.0.conv1", 5, masks)
    assert out is not None
    assert (out.group, out.layer) == ("stages.1.0.conv2", "stages.1.0.conv2")
    first = connections.maker(net.description, "conv")
    assert first is not None
    assert connections.inputs_kept(net.description, first, masks) is None


@pytest.mark.parametrize(
    ("name", "group"),
    [("lenet-500-300", "input"), ("lenet-5-caffe", "conv1"), ("lenet-5-caffe", "features"), ("resnet-20", "conv")],
)
def test_what_has_no_row_of_weights_has_none(name: str, group: str) -> None:
    net = network(name)
    assert connections.incoming(net.description, net.weights, group, 0, everything(net)) is None


def test_pixels_that_no_layer_tells_apart_lead_nowhere() -> None:
    about = SPECS["lenet-5-caffe"].with_pixels()
    masks = {group.name: np.ones(group.units, bool) for group in about.groups}
    assert connections.outgoing(about, random_arrays(about), "input", 0, masks) is None
