"""Filters, weights of pixels, and a channel's map of an image, as tiles and sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sbp.spec.layout import Group
from sbp.viz import labels
from sbp.viz.tiles import Tile, named, signed, strong

IMAGE_SIZE = 290
# Filters shown at once, of a layer and of one channel: more can no longer be read.
MOST_OF_LAYER, MOST_OF_CHANNEL = 64, 24
GONE = 1e-3  # of the layer's scale


def image(values: np.ndarray, keep: np.ndarray, unit: int, limit: float, dark: bool = False) -> Tile:
    """The weights of a neuron over the pixels, [rows, columns], every number on hover; limit: what takes the full
    colour (`limit_of` the layer), so that the weights of a pruned neuron, of 1e-38, look like what they are."""
    colours = f"green: above 0 · pink: below 0 · full at ±{limit:.2g} · grey: pruned pixel"
    words_for_it = f"Weights of neuron {unit} over the {' x '.join(map(str, values.shape))} pixels"
    return Tile(signed(values, limit, keep, dark), colours, words_for_it, names=named(values, keep))


def describe_image(values: np.ndarray, keep: np.ndarray, limit: float) -> str:
    """The picture in a sentence."""
    kept, size = int(keep.sum()), np.abs(values)
    if not kept:
        return "No pixel is kept, so nothing comes in."
    if are_gone(values, limit):
        return gone(limit)
    pruned = f" and {float(size[~keep].mean()):.2g} for the pruned, which have no effect" if kept < len(keep) else ""
    return f"{kept} of {len(keep)} pixels are kept. Mean |w| is {float(size[keep].mean()):.2g} for the kept{pruned}."


def of_channel(own: np.ndarray, keep: np.ndarray, limit: float, dark: bool = False) -> list[Tile]:
    """The filters of a channel over its kept inputs, [inputs, rows, columns], every number on hover; limit: as for
    `image`."""
    return [
        Tile(
            signed(own[i], limit, None, dark),
            f"±{limit:.2g}" if len(own) == 1 else f"from {i}",
            f"Filter over input channel {i}",
            names=named(own[i]),
        )
        for i in _strongest(own, np.flatnonzero(keep), MOST_OF_CHANNEL)
    ]


def describe_channel(own: np.ndarray, keep: np.ndarray, limit: float) -> str:
    """The filters in a sentence."""
    if not keep.any():
        return "No input channel is kept, so nothing comes in."
    if are_gone(own[keep], limit):
        return gone(limit)
    means = np.abs(own).mean(axis=(1, 2))
    colours = f"Green is above 0, pink below, full at ±{limit:.2g}, the scale of the layer"
    if len(own) == 1:
        size = " x ".join(map(str, own.shape[1:]))
        return (
            f"{size} weights on the image, mean |w| {means[0]:.2g}, sum {labels.signed(own.sum(), '.2g')}. {colours}."
        )
    many = f", the {MOST_OF_CHANNEL} strongest filters are shown" if keep.sum() > MOST_OF_CHANNEL else ""
    best = int(np.flatnonzero(keep)[np.argmax(means[keep])])
    return (
        f"{int(keep.sum())} of {len(own)} input channels are kept{many}; the strongest filter is over channel {best} "
        f"(mean |w| {float(means[best]):.2g}). {colours}."
    )


def of_layer(
    own: np.ndarray,
    snr: np.ndarray,
    kept: np.ndarray,
    unedited: np.ndarray,
    inputs: np.ndarray | None,
    unit: int,
    dark: bool = False,
) -> list[Tile]:
    """Every filter of a layer by number; of several inputs the mean |w| over those kept (all, where none is).

    own: [channels, inputs, rows, columns]. kept, unedited: which channels are kept, and which were before any edit
    by hand. inputs: which input channels are kept, or None for the image.
    """
    tiles = []
    if inputs is None:
        limit = limit_of(own)
        pictures = [signed(filter_[0], limit, None, dark) for filter_ in own]
    else:
        means = np.abs(own[:, inputs] if inputs.any() else own).mean(axis=1)
        pictures = [strong(mean, float(means.max()), dark) for mean in means]
    for i in shown_of_layer(snr, unit):
        picture = pictures[i]
        fate = ("kept" if kept[i] else "pruned") + (" by hand" if kept[i] != unedited[i] else "")
        said = f"Filter {i}: SNR {snr[i]:.3g}, {fate}"
        tiles.append(Tile(picture, f"{i} · SNR {snr[i]:.2g}\n{fate}", said, bool(kept[i]), i == unit))
    return tiles


def shown_of_layer(snr: np.ndarray, unit: int) -> list[int]:
    """Which filters of a layer are shown, by number: all, or of many those of the largest SNR, and the marked one.

    >>> len(shown_of_layer(np.arange(100.0), 3)), shown_of_layer(np.arange(100.0), 3)[:2]
    (64, [3, 37])
    """
    if len(snr) <= MOST_OF_LAYER:
        return list(range(len(snr)))
    order = [int(i) for i in np.argsort(-snr, kind="stable") if i != unit]
    return sorted([unit, *order[: MOST_OF_LAYER - 1]])


def describe_layer(layer: Group, own: np.ndarray, snr: np.ndarray, kept: np.ndarray, inputs: np.ndarray | None) -> str:
    """The layer's filters in a sentence."""
    size = np.abs(own).mean(axis=(1, 2, 3))
    means = labels.join(
        [
            f"{float(size[mask].mean()):.2g} for the {word}"
            for word, mask in (("kept", kept), ("pruned", ~kept))
            if mask.any()
        ]
    )
    what = "weights, green above 0, pink below" if inputs is None else "mean |w| over the kept input channels"
    many = f", the {MOST_OF_LAYER} of the largest SNR" if len(own) > MOST_OF_LAYER else ""
    return (
        f"{labels.count_of(int(kept.sum()), layer)} are kept (solid outline; pruned ones dashed). Under each: its "
        f"number and SNR. Shown: {what}{many}. Mean |w|: {means}."
    )


def on_image(
    image: np.ndarray, said: Mapping[str, np.ndarray], layer: Group, unit: int, dark: bool = False
) -> list[Tile]:
    """The image, and the unit's map on it where it has one; a pixel or a feature is outlined in its map.

    image: uint8 [rows, columns], or [3, rows, columns] in colour. said: `ComputedNetwork.trace`.
    """
    pixel = divmod(unit, layer.shape[1]) if layer.kind == "pixel" else None
    shown = strong(image, 255.0, dark) if image.ndim == 2 else np.ascontiguousarray(np.moveaxis(image, 0, 2))
    tiles = [Tile(shown, "the image", "The test image", spot=pixel)]
    maps = layer.parent if layer.kind == "feature" else layer.name
    if layer.kind in ("channel", "feature") and said[maps].ndim == 3:
        each = int(np.prod(layer.shape[1:])) if layer.kind == "feature" else 1
        array = said[maps][unit // each]
        at = divmod(unit % each, array.shape[1]) if layer.kind == "feature" else None
        limit = max(float(said[maps].max()), 1e-12)
        size = " × ".join(map(str, array.shape))
        tiles.append(
            Tile(strong(array, limit, dark), f"its map, {size}", "Its map, as it is read", names=named(array), spot=at)
        )
    return tiles


def describe_on_image(said: Mapping[str, np.ndarray], layer: Group, unit: int, passed: float) -> str:
    """The value of a pixel, channel or feature on the image, and its output."""
    value = said[layer.name][unit]
    name = f"{layer.kind.capitalize()} {unit}"
    row, column = divmod(unit, layer.shape[1]) if layer.kind == "pixel" else (0, 0)
    where = f" (row {row}, column {column})" if layer.kind == "pixel" else ""
    if value.size == 1:
        value = float(np.asarray(value).reshape(-1)[0])
        number = labels.signed(value, ".3g")
        if not passed:
            return f"{name}{where} has the value {number}, and is pruned: its output is 0."
        output = f"times E[theta] {passed:.3g} its output is {labels.signed(value * passed, '.3g')}"
        return f"{name}{where} has the value {number}; {output}."
    lit = int((value > 0).sum())
    start = f"{name} is above 0 at {lit} of {value.size} places, at most {float(value.max()):.3g}"
    rest = f"its output is this times E[theta] {passed:.3g}" if passed else "pruned, so its output is 0"
    return f"{start} (ink: the layer's largest, {float(said[layer.name].max()):.3g}); {rest}."


def _strongest(own: np.ndarray, among: np.ndarray, most: int) -> np.ndarray:
    """The filters of the largest mean |w| among these, by number."""
    size = np.abs(own[among]).mean(axis=(1, 2))
    return np.sort(among[np.argsort(-size, kind="stable")[:most]])


def are_gone(values: np.ndarray, limit: float) -> bool:
    """Whether weights are nothing on the scale of their layer: training drives those of a pruned unit to 0."""
    return bool(values.size) and float(np.abs(values).max()) < GONE * limit


def gone(limit: float) -> str:
    """What is said of such weights."""
    return f"Its weights are gone: none is above {100 * GONE:g} % of the layer's scale, {limit:.2g}."


def limit_of(values: np.ndarray) -> float:
    """The scale of a layer's weights: the 99.5th percentile of |w|, so that one outlier does not pale the rest."""
    return max(float(np.quantile(np.abs(values), 0.995)), 1e-12) if values.size else 1.0
