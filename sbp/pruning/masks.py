"""From SNR to what is kept: plain NumPy, so that a page can move the threshold without loading a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sbp.networks.specs import LayerInfo
from sbp.networks.wiring import WIRING

Masks = dict[str, np.ndarray]


def keep_masks(snr: Mapping[str, np.ndarray], threshold: float = 1.0) -> Masks:
    """keep = SNR >= threshold for every layer; True is kept, a tie is kept (section 4.4).

    >>> keep_masks({"dense1": np.array([0.3, 1.0, 7.0])})["dense1"].tolist()
    [False, True, True]
    """
    return {name: np.asarray(values) >= threshold for name, values in snr.items()}


def close_masks(masks: Mapping[str, np.ndarray], layers: Sequence[LayerInfo]) -> Masks:
    """The same network with nothing useless in it: a dead channel takes its features along, and a channel none of
    whose features is left is dead. The outputs do not change.

    >>> layers = [LayerInfo("conv", "channel", 2, (2,)), LayerInfo("map", "feature", 4, (2, 2), parent="conv")]
    >>> closed = close_masks({"conv": np.array([True, False]), "map": np.array([True, False, True, True])}, layers)
    >>> closed["conv"].tolist(), closed["map"].tolist()
    ([True, False], [True, False, False, False])
    """
    closed = {layer.name: np.array(masks[layer.name], dtype=bool) for layer in layers}
    for layer in layers:
        if layer.parent:
            channels = closed[layer.parent]
            features = closed[layer.name].reshape(len(channels), -1)
            alive = channels & features.any(axis=1)
            closed[layer.parent] = alive
            closed[layer.name] = (features & alive[:, None]).reshape(-1)
    return closed


def selected(name: str, layers: Sequence[LayerInfo], closed: Mapping[str, np.ndarray]) -> Masks:
    """Which of the units that come in a noise layer keeps, bool by its name, where no weights before it can leave the
    others out: of pixels, and of the features of the channels that are kept; only where not all are kept.

    name: the network's; closed: bool [units] by noise layer, as `close_masks` gives them.

    >>> from sbp.networks.specs import SPECS
    >>> closed = {"conv1": np.ones(1, bool), "conv2": np.array([True, False]), "dense1": np.ones(1, bool)}
    >>> closed["features"] = np.arange(32) < 3
    >>> selected("lenet-5-caffe", SPECS["lenet-5-caffe"].layers((1, 2, 1)), closed)["features"].nonzero()
    (array([0, 1, 2]),)
    """
    made = {weights.makes for weights in WIRING[name]}
    places = {}
    for layer in layers:
        arriving = closed[layer.name]
        if layer.parent:
            channels = closed[layer.parent]
            arriving = arriving.reshape(len(channels), -1)[channels].reshape(-1)
        if (layer.parent or layer.name not in made) and not arriving.all():
            places[layer.name] = arriving
    return places


def kept_counts(masks: Mapping[str, np.ndarray], layers: Sequence[LayerInfo]) -> tuple[int, ...]:
    """How many units each noise layer keeps, in layer order, after `close_masks`."""
    closed = close_masks(masks, layers)
    return tuple(int(closed[layer.name].sum()) for layer in layers)


def masks_of_counts(kept: Sequence[int], layers: Sequence[LayerInfo]) -> Masks:
    """Closed masks with so many units kept a layer, the first of each: for where only the counts matter, as for speed.

    A layer's features are dealt out to the kept channels in turn, so that each has one. kept: counts as `kept_counts`
    gives them. Raises ValueError when no closed masks have these counts.

    >>> layers = [LayerInfo("conv", "channel", 3, (3,)), LayerInfo("map", "feature", 6, (3, 2), parent="conv")]
    >>> masks_of_counts([2, 3], layers)["map"].tolist()
    [True, True, True, False, False, False]
    """
    masks: Masks = {}
    for layer, count in zip(layers, kept, strict=True):
        mask = np.zeros(layer.units, bool)
        if layer.parent:
            channels = masks[layer.parent]
            # Place by place, each place in all kept channels before the next.
            dealt = np.arange(layer.units).reshape(len(channels), -1)[channels].T.reshape(-1)
            mask[dealt[:count]] = True
        else:
            mask[:count] = True
        masks[layer.name] = mask
    if kept_counts(masks, layers) != tuple(kept):
        raise ValueError(f"kept: expected counts that belong together, got {list(kept)}.")
    return masks
