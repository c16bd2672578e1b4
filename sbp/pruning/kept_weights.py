"""The weights of some units alone: cut out of a network's arrays, and put back in their places. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sbp.pruning.connections import inputs_kept
from sbp.pruning.masks import Masks
from sbp.spec.description import Description

Arrays = Mapping[str, np.ndarray]
# In a file that holds the weights of kept units alone: "kept.GROUP", uint8 [units], 1 where the unit is in the file.
KEPT = "kept."
_BY_OUTPUT = ("weight", "bias", "running_mean", "running_var")


def padded(description: Description, masks: Masks) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    """The least widths at which a network holds all kept units, and which units it then has.

    Groups that share a width are filled up with pruned units, whose theta is 0, to the largest of their counts.

    Args:
        description: of the network.
        masks: bool [units] by group, closed; True is kept.

    Returns:
        The widths, each at least 1, and bool [units] by group.
    """
    decided = list(zip(description.groups, description.scales, strict=True))
    widths = [1] * len(description.widths)
    for group, (index, _) in decided:
        if index >= 0 and not group.parent:
            widths[index] = max(widths[index], int(np.sum(masks[group.name])))
    units: dict[str, np.ndarray] = {}
    for group, (index, _) in decided:
        keep = np.asarray(masks[group.name], dtype=bool)
        if index < 0:
            units[group.name] = np.ones(group.units, dtype=bool)
        elif not group.parent:
            order = np.argsort(~keep, kind="stable")[: widths[index]]
            units[group.name] = np.isin(np.arange(group.units), order)
    for group in description.groups:
        if group.name not in units:  # features go with their channels
            channels = units[group.parent]
            units[group.name] = np.repeat(channels, group.units // len(channels))
    return tuple(widths), units


def cut(description: Description, arrays: Arrays, units: Masks) -> dict[str, np.ndarray]:
    """The arrays with the rows and columns of some units alone.

    Args:
        description: of the network.
        arrays: by name, as model.safetensors has them; what belongs to no layer of weights stays whole.
        units: bool [units] by group, True for those that stay.
    """
    places = _places(description, units)
    return {name: _taken(value, places[name]) if name in places else value for name, value in arrays.items()}


def pack(description: Description, arrays: Arrays, masks: Masks) -> dict[str, np.ndarray]:
    """What a file of kept units holds: `cut` by closed masks, and the masks. Noise stays whole."""
    kept = {f"{KEPT}{name}": np.asarray(mask, dtype=np.uint8) for name, mask in masks.items()}
    return {**cut(description, arrays, masks), **kept}


def unpack(description: Description, arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays of the whole network from those of `pack`, 0 where a unit was pruned; others are handed back.

    Raises:
        ValueError: an array does not have the size that the masks in the file say.
    """
    masks = {name.removeprefix(KEPT): value != 0 for name, value in arrays.items() if name.startswith(KEPT)}
    if not masks:
        return dict(arrays)
    sizes = {group.name: group.units for group in description.groups}
    if {name: len(mask) for name, mask in masks.items()} != sizes:
        raise ValueError(f"Expected a mask of kept units for each of {', '.join(sizes)}, of their sizes.")
    places, found = _places(description, masks), {}
    for name, value in arrays.items():
        if name.startswith(KEPT):
            continue
        found[name] = _put_back(name, value, places[name]) if name in places else value
    return found


def _places(description: Description, units: Masks) -> dict[str, tuple[np.ndarray, ...]]:
    """By array: which of its rows belong to these units, and of a layer's weights which columns."""
    places: dict[str, tuple[np.ndarray, ...]] = {}
    for layer in description.weights:
        rows = np.asarray(units[layer.makes], dtype=bool) if layer.makes else np.ones(0, dtype=bool)
        rows = np.concatenate([rows, np.ones(layer.fixed_out, dtype=bool)])
        columns = None if layer.depthwise else inputs_kept(description, layer, units)
        places[f"{layer.name}.weight"] = (rows,) if columns is None else (rows, columns)
        places[f"{layer.name}.bias"] = (rows,)
        if layer.norm:
            places |= {f"{layer.norm}.{part}": (rows,) for part in _BY_OUTPUT}
    return places


def _taken(value: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    for axis, chosen in enumerate(places):
        value = np.compress(chosen, value, axis=axis)
    return value


def _put_back(name: str, value: np.ndarray, places: tuple[np.ndarray, ...]) -> np.ndarray:
    expected = tuple(int(chosen.sum()) for chosen in places)
    if value.shape[: len(places)] != expected:
        raise ValueError(f"{name}: expected {list(expected)} rows and columns of kept units, got {list(value.shape)}.")
    whole = np.zeros((*(len(chosen) for chosen in places), *value.shape[len(places) :]), value.dtype)
    whole[np.ix_(*(np.flatnonzero(chosen) for chosen in places))] = value
    return whole
