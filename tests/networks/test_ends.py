"""What leads to a unit and on from it, against the effect of the unit itself on what follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sbp.networks import ends, plain
from sbp.networks.specs import SPECS

LAYERS = {"lenet-500-300": (6, 5), "lenet-5-caffe": (3, 4, 5)}


def network(name: str) -> plain.PlainNetwork:
    layers = SPECS[name].layers(LAYERS[name])
    random = np.random.default_rng(2)
    arrays = {
        key: random.standard_normal(shape).astype(np.float32) for key, shape in plain._shapes(name, layers).items()
    }
    noise = {kind: {x.name: arrays[f"noise.{x.name}.{kind}"] for x in layers} for kind in ("loc", "log_scale")}
    return plain.PlainNetwork(name, layers, arrays, **noise)


def everything(net: plain.PlainNetwork) -> dict[str, np.ndarray]:
    return {layer.name: np.ones(layer.units, bool) for layer in net.layers}


@pytest.mark.parametrize(
    ("name", "layer", "reader"),
    [("lenet-500-300", "dense2", "output"), ("lenet-5-caffe", "dense1", "output")],
)
def test_outgoing_weights_are_what_a_unit_adds_to_the_logits(name: str, layer: str, reader: str) -> None:
    net, image = network(name), np.random.default_rng(3).random((28, 28)).astype(np.float32)
    masks = everything(net)
    said = plain.trace(net, image, masks)
    unit = int(np.argmax(said[layer]))
    without = {**masks, layer: masks[layer] & (np.arange(len(masks[layer])) != unit)}
    found = ends.outgoing(net, layer, unit, masks)
    assert found.layer == reader
    passed = said[layer][unit] * net.theta[layer][unit]
    np.testing.assert_allclose(said["logits"] - plain.trace(net, image, without)["logits"], found.values * passed,
                               atol=1e-3)  # fmt: skip


def test_the_other_ends_by_hand() -> None:
    net = network("lenet-5-caffe")
    masks = everything(net)
    masks["features"][20:] = False  # channel 1 keeps its features 16 to 19
    weight = net.weights
    one = ends.outgoing(net, "conv1", 2, masks)
    assert (one.layer, one.what) == ("conv2", "mean |w| of a filter")
    np.testing.assert_allclose(one.values[3], np.abs(weight["conv2.weight"][3, 2]).mean(), rtol=1e-6)
    two = ends.outgoing(net, "conv2", 1, masks)
    np.testing.assert_allclose(two.values[4], np.abs(weight["dense1.weight"][4, 16:20]).mean(), rtol=1e-6)
    np.testing.assert_array_equal(ends.filters(net, "features", 17), weight["conv2.weight"][1])
    into = ends.incoming(net, "dense1", 4, masks)
    assert into is not None
    np.testing.assert_array_equal(into.values, weight["dense1.weight"][4])
    assert into.keep.sum() == 20


@pytest.mark.parametrize(("name", "layer"), [("lenet-500-300", "input"), ("lenet-5-caffe", "conv1"),
                                             ("lenet-5-caffe", "features")])  # fmt: skip
def test_what_has_no_row_of_weights_has_none(name: str, layer: str) -> None:
    net = network(name)
    assert ends.incoming(net, layer, 0, everything(net)) is None


def test_a_made_up_run_is_read_back(tmp_path: Path) -> None:
    from tests.made_up import write_run
    from tests.made_up_weights import with_weights

    run: Any = with_weights(write_run(tmp_path))
    assert run.model_path is not None
    net = plain.read_plain(run.model_path, run.config.network.name, run.layers)
    np.testing.assert_array_equal(net.loc["dense1"], run.snapshots().loc["dense1"][-1])
