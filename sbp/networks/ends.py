"""What leads to a unit and what leads on from it: rows and columns of the weights, as a page draws them. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sbp.networks.plain import PlainNetwork

OUTPUT = "output"


@dataclass(frozen=True, eq=False)
class Ends:
    """Weights between one unit and the units of another layer.

    layer: the other noise layer's name, or "output" for the classes. values: [n]. keep: [n], whether the unit at the
    other end is kept. what: what a value is, "weight" or a mean of several.
    """

    layer: str
    values: np.ndarray
    keep: np.ndarray
    what: str = "weight"


def outgoing(network: PlainNetwork, name: str, unit: int, masks: Mapping[str, np.ndarray]) -> Ends:
    """The weights that read a unit; a channel of conv2 is read as the features of its map, those that are kept."""
    weights = network.weights
    if network.name == "lenet-500-300":
        reader = {"input": "dense1", "dense1": "dense2", "dense2": OUTPUT}[name]
        return _ends(reader, weights[f"{reader}.weight"][:, unit], masks)
    if name == "conv1":
        return _ends("conv2", np.abs(weights["conv2.weight"][:, unit]).mean(axis=(1, 2)), masks, "mean |w| of a filter")
    if name == "conv2":
        own = slice(unit * 16, unit * 16 + 16)
        kept = masks["features"][own]
        block = np.abs(weights["dense1.weight"][:, own])
        return _ends(
            "dense1", block[:, kept].mean(axis=1) if kept.any() else block.mean(axis=1), masks, "mean |w| over its map"
        )
    reader = {"features": "dense1", "dense1": OUTPUT}[name]
    return _ends(reader, weights[f"{reader}.weight"][:, unit], masks)


def incoming(network: PlainNetwork, name: str, unit: int, masks: Mapping[str, np.ndarray]) -> Ends | None:
    """The weights of a neuron; None for what has no row of weights of its own: pixels, channels, features."""
    before = {"lenet-500-300": {"dense1": "input", "dense2": "dense1"}, "lenet-5-caffe": {"dense1": "features"}}
    reads = before[network.name].get(name)
    return _ends(reads, network.weights[f"{name}.weight"][unit], masks) if reads else None


def filters(network: PlainNetwork, name: str, unit: int) -> np.ndarray:
    """The 5 x 5 filters of a channel over its inputs, [inputs, 5, 5]; of a feature, those of its channel."""
    if name == "features":
        return network.weights["conv2.weight"][unit // 16]
    return network.weights[f"{name}.weight"][unit]


def _ends(layer: str, values: np.ndarray, masks: Mapping[str, np.ndarray], what: str = "weight") -> Ends:
    keep = np.ones(len(values), dtype=bool) if layer == OUTPUT else masks[layer]
    return Ends(layer, values, keep, what)
