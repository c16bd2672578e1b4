"""From SNR to what is kept: plain NumPy, so that a page can move the threshold without loading a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sbp.distributions import moments
from sbp.spec.layout import Group, Layout, close_units
from sbp.spec.noise import SNR_THRESHOLD

Masks = dict[str, np.ndarray]


def is_kept(snr: np.ndarray | float, threshold: float = SNR_THRESHOLD) -> np.ndarray:
    """keep = SNR >= threshold, in the shape of `snr`; a tie is kept (section 4.4).

    >>> is_kept(np.array([0.3, 1.0, 7.0])).tolist()
    [False, True, True]
    """
    return np.asarray(np.asarray(snr) >= threshold)


def keep_masks(snr: Mapping[str, np.ndarray], threshold: float = SNR_THRESHOLD) -> Masks:
    """`is_kept` of every layer.

    >>> keep_masks({"dense1": np.array([0.3, 1.0, 7.0])})["dense1"].tolist()
    [False, True, True]
    """
    return {name: is_kept(values, threshold) for name, values in snr.items()}


def own_masks(
    loc: Mapping[str, np.ndarray],
    log_scale: Mapping[str, np.ndarray],
    layers: Sequence[Group],
    log_low: float,
    log_high: float,
) -> Masks:
    """What a network itself keeps, closed: SNR >= 1, decided in float64 as the network decides it.

    Args:
        loc: mu of every unit by group, [units], in nats.
        log_scale: log sigma, likewise.
        layers: the groups.
        log_low: a, in nats.
        log_high: b, in nats.

    >>> group = Group("dense1", "neuron", 2, (2,))
    >>> own_masks({"dense1": np.zeros(2)}, {"dense1": np.array([0.0, 5.0])}, [group], -20.0, 0.0)["dense1"].tolist()
    [True, False]
    """
    snr = {g.name: moments.snr(np.float64(loc[g.name]), log_scale[g.name], log_low, log_high) for g in layers}
    return propagate(keep_masks(snr), layers)


def propagate(masks: Mapping[str, np.ndarray], layers: Sequence[Group]) -> Masks:
    """The same network without useless units: a pruned channel takes its features along, and a channel none of
    whose features is kept is pruned. The outputs do not change.

    >>> layers = [Group("conv", "channel", 2, (2,)), Group("map", "feature", 4, (2, 2), parent="conv")]
    >>> closed = propagate({"conv": np.array([True, False]), "map": np.array([True, False, True, True])}, layers)
    >>> closed["conv"].tolist(), closed["map"].tolist()
    ([True, False], [True, False, False, False])
    """
    layout = Layout(tuple(layers), {}, {})
    keep = layout.join({layer.name: np.asarray(masks[layer.name], dtype=bool) for layer in layers})
    return layout.split(close_units(layout, keep))


def kept_counts(masks: Mapping[str, np.ndarray], layers: Sequence[Group]) -> tuple[int, ...]:
    """How many units each noise layer keeps, in layer order, after `propagate`."""
    closed = propagate(masks, layers)
    return tuple(int(closed[layer.name].sum()) for layer in layers)


def masks_of_counts(kept: Sequence[int], layers: Sequence[Group]) -> Masks:
    """Closed masks with so many units kept a layer, the first of each: for where only the counts matter, as for speed.

    A layer's features are dealt out to the kept channels in turn, so that each has one. kept: counts as `kept_counts`
    gives them. Raises ValueError when no closed masks have these counts.

    >>> layers = [Group("conv", "channel", 3, (3,)), Group("map", "feature", 6, (3, 2), parent="conv")]
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
