"""What leads to a unit and what leads on from it: rows and columns of the weights, as a page draws them. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sbp.spec.description import Description, WeightLayer
from sbp.spec.layout import Group

OUTPUT = "output"
Weights = Mapping[str, np.ndarray]
Masks = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Connections:
    """Weights between one unit and the units of another group.

    group: the other group's name, or "output" for the classes. values: [n]. keep: [n], whether the unit at the other
    end is kept. what: what a value is, "weight" or a mean of several. layer: the layer whose weights they are.
    """

    group: str
    values: np.ndarray
    keep: np.ndarray
    what: str = "weight"
    layer: str = ""


def group_named(description: Description, name: str) -> Group:
    """The group of this name."""
    return next(group for group in description.groups if group.name == name)


def readers(description: Description, name: str) -> list[WeightLayer]:
    """The layers that read a group, in the order of the forward pass."""
    return [layer for layer in description.weights if name in layer.reads]


def maker(description: Description, name: str) -> WeightLayer | None:
    """The first layer whose outputs are a group's units; of features, that of their channels; None for pixels."""
    return next(iter(makers(description, name)), None)


def makers(description: Description, name: str) -> list[WeightLayer]:
    """All layers whose outputs are a group's units, in the order of the forward pass; of features, of their channels.

    >>> from sbp.spec.networks import SPECS
    >>> [layer.name for layer in makers(SPECS["resnet-20"], "stages.1.0.conv2")][:2]
    ['stages.1.0.conv2', 'stages.1.0.shortcut.0']
    """
    name = group_named(description, name).parent or name
    return [layer for layer in description.weights if layer.makes == name]


def outgoing(description: Description, weights: Weights, name: str, unit: int, masks: Masks) -> Connections | None:
    """The weights of the first layer that reads a unit; None where no layer tells it apart from others (a pixel of an
    image that convolutions read).

    Of several weights a unit at the other end (a filter, a map read place by place) it is their mean |w|, over the
    places that are kept where places are units.
    """
    found = next(iter(readers(description, name)), None)
    if found is None:
        return None
    columns = columns_of(description, found, name, unit)
    weight = weights[f"{found.name}.weight"]
    if found.depthwise:
        return _connections(found, np.abs(weight[columns]).reshape(1, -1).mean(axis=1), masks, "mean |w| of its filter")
    block = weight[:, columns]
    if found.by_feature and name != found.reads[-1]:  # a channel of which single places are units
        kept = np.asarray(masks[found.reads[-1]])[columns]
        block = block[:, kept] if kept.any() else block
    if block[0].size == 1 and found.kind == "dense":
        return _connections(found, block.reshape(len(block)), masks, "weight")
    what = "mean |w| of a filter" if found.kind == "conv" else "mean |w| over its map"
    return _connections(found, np.abs(block).reshape(len(block), -1).mean(axis=1), masks, what)


def incoming(description: Description, weights: Weights, name: str, unit: int, masks: Masks) -> Connections | None:
    """The weights of a neuron, unit by unit of what its layer reads; None for what has no row of weights of its own:
    pixels, channels, features, and neurons of a layer that reads the image or several groups."""
    found = maker(description, name)
    if found is None or found.kind != "dense" or group_named(description, name).kind != "neuron" or not found.reads:
        return None
    if len(found.counted) != 1 or found.fixed_in:
        return None
    row, read = weights[f"{found.name}.weight"][unit], found.counted[0]
    keep = np.asarray(masks[read])
    if len(row) == len(keep):
        return Connections(read, row, keep, "weight", found.name)
    return Connections(read, np.abs(row).reshape(len(keep), -1).mean(axis=1), keep, "mean |w| over its map", found.name)


def filters(description: Description, weights: Weights, name: str, unit: int) -> np.ndarray | None:
    """The filters of a channel over its inputs, [inputs, rows, columns]; of a feature, those of its channel; None for
    units that no convolution with square kernels makes."""
    found = maker(description, name)
    group = group_named(description, name)
    if found is None or found.kind != "conv" or group.kind not in ("channel", "feature"):
        return None
    weight = weights[f"{found.name}.weight"]
    if weight.ndim != 4:
        return None
    channel = unit // (group.units // group_named(description, group.parent).units) if group.parent else unit
    return weight[channel]


def inputs_kept(description: Description, layer: WeightLayer, masks: Masks) -> np.ndarray | None:
    """Which inputs of a layer are kept, bool [inputs]; None where it reads the image."""
    if not layer.counted:
        return None
    parts = [
        np.repeat(masks[name], n) for name, n in zip(layer.counted, layer.times[-len(layer.counted) :], strict=True)
    ]
    return np.concatenate([np.ones(layer.fixed_in, bool), *parts])


def columns_of(description: Description, layer: WeightLayer, name: str, unit: int) -> slice:
    """Which inputs of a layer belong to a unit of a group that it reads."""
    times = layer.times[layer.reads.index(name)]
    start = 0
    if not layer.by_feature:  # groups side by side, as a concatenation puts them
        before: Sequence[str] = layer.reads[: layer.reads.index(name)]
        start = layer.fixed_in + sum(
            group_named(description, other).units * layer.times[layer.reads.index(other)] for other in before
        )
    return slice(start + unit * times, start + (unit + 1) * times)


def _connections(layer: WeightLayer, values: np.ndarray, masks: Masks, what: str) -> Connections:
    known = bool(layer.makes) and len(masks[layer.makes]) == len(values)
    keep = np.asarray(masks[layer.makes]) if known else np.ones(len(values), dtype=bool)
    return Connections(layer.makes if known else OUTPUT, values, keep, what, layer.name)
