"""From single weights that are zero to units that are removed, exactly.

A unit all of whose incoming weights are zero says the same of every image, v = ReLU(b), at every place of its map: what
a layer reads of it is a constant, which goes into that layer's bias. A maximum of constants is the constant, so this is
exact where nothing is padded with zeros; a convolution that is padded reads v inside and 0 at the border, so there a
unit that says v > 0 is kept. A unit none of whose outgoing weights is left is not heard. Both can be cut out, and what
is cut out may silence units after it and unread units before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.networks.tensors import load_file_tensors
from sbp.pruning.masks import Masks
from sbp.spec.description import Description

# Scale and shift of what comes after W x + b, by layer of weights.
Affine = Mapping[str, tuple[np.ndarray, np.ndarray]]


class FoldedWeights(NamedTuple):
    """Which units are kept (closed), and weights and biases by layer of weights, 0 wherever a unit is removed."""

    masks: Masks
    weights: dict[str, np.ndarray]
    biases: dict[str, np.ndarray]


def fold_dead_units(
    network: Description,
    weights: Mapping[str, np.ndarray],
    biases: Mapping[str, np.ndarray],
    after: Affine = MappingProxyType({}),
) -> FoldedWeights:
    """Removes every unit that hears nothing or is not heard, without changing a logit; nothing given is changed.

    network: a chain (`Description.is_chain`) at its widths; weights [outputs, inputs, ...] and biases [outputs] by the
    names of its layers of weights; after: scale and shift, [outputs] each, where a layer is normalised before its ReLU,
    so that v = ReLU(scale b + shift). One forward pass finds the units without inputs and folds their outputs, one
    pass back those that nobody hears; a further pass would find nothing. Work is done in float64.

    >>> from sbp.spec.networks import SPECS
    >>> weights = {"dense1": np.eye(3, 784), "dense2": np.diag([0.0, 1.0, 1.0]), "output": np.ones((10, 3))}
    >>> weights["dense1"][2] = 0
    >>> biases = {"dense1": np.array([0, 0, 2.0]), "dense2": np.array([5.0, 0, -1]), "output": np.zeros(10)}
    >>> found = fold_dead_units(SPECS["lenet-500-300"].at((3, 3)), weights, biases)
    >>> found.masks["dense1"].tolist(), found.masks["dense2"].tolist(), found.biases["output"][0]
    ([False, True, False], [False, True, False], np.float64(6.0))
    """
    layers = network.groups
    weights = {key: value.astype(np.float64) for key, value in weights.items()}
    biases = {key: value.astype(np.float64) for key, value in biases.items()}
    keep: Masks = {layer.name: np.ones(layer.units, dtype=bool) for layer in layers}
    says = {layer.name: np.zeros(layer.units) for layer in layers}  # the output of a unit without inputs, else 0
    padded = {wire.reads[-1] for wire in network.weights if wire.reads and wire.padding}
    children = {layer.parent: layer for layer in layers if layer.parent}
    for wire in network.weights:
        weight, bias = weights[wire.name], biases[wire.name]
        if wire.reads:
            bias += _kernels(weight).sum(axis=2) @ says[wire.reads[-1]]
            weight[:, ~keep[wire.reads[-1]]] = 0
        if wire.makes:
            scale, shift = after.get(wire.name, (1.0, 0.0))
            constant = np.maximum(scale * bias + shift, 0)
            keep[wire.makes] = _kernels(weight).any(axis=(1, 2)) | ((constant > 0) & (wire.makes in padded))
            says[wire.makes] = constant * ~keep[wire.makes]
            if child := children.get(wire.makes):
                share = child.units // len(bias)
                keep[child.name] = np.repeat(keep[wire.makes], share)
                says[child.name] = np.repeat(says[wire.makes], share)
    for wire in reversed(network.weights):
        weight = weights[wire.name]
        if wire.makes:
            weight[~keep[wire.makes]] = 0
            biases[wire.name][~keep[wire.makes]] = 0
        if wire.reads:
            source = wire.reads[-1]
            keep[source] &= _kernels(weight).any(axis=(0, 2))
            for parent, child in children.items():
                if child.name == source:
                    keep[parent] &= keep[source].reshape(len(keep[parent]), -1).any(axis=1)
    return FoldedWeights(keep, weights, biases)


def materialise(folded: FoldedWeights, like: torch.Tensor, trained: nn.Module) -> nn.Module:
    """The masked network that a file holds, in eval mode, with the device and the dtype of `like`.

    trained: the network that it came of, whose batch normalisations it has; where there is one, a
    layer's running mean takes the part of its bias, b = -m.
    """
    description = described(trained)
    with torch.random.fork_rng(devices=[]):
        network = build(description.name, description.widths, noise=False)
    tensors = {f"{name}.weight": like.new_tensor(weight) for name, weight in folded.weights.items()}
    for wire in description.weights:
        bias = folded.biases[wire.name]
        if wire.norm:
            norm = trained.get_submodule(wire.norm).state_dict()
            tensors |= {f"{wire.norm}.{part}": tensor.detach().clone() for part, tensor in norm.items()}
            tensors[f"{wire.norm}.running_mean"] = like.new_tensor(-bias)
        else:
            tensors[f"{wire.name}.bias"] = like.new_tensor(bias)
    tensors |= {f"noise.{name}.keep": torch.from_numpy(keep) for name, keep in folded.masks.items()}
    network.to(like.device, like.dtype)
    load_file_tensors(network, tensors)
    return network.eval()


def _kernels(weight: np.ndarray) -> np.ndarray:
    """[outputs, inputs, numbers of a kernel], sharing memory."""
    return weight.reshape(*weight.shape[:2], -1)
