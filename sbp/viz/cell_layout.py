"""Where each unit of a layer stands when a layer is drawn as a rectangle of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sbp.spec.layout import Group


def cells(layer: Group, order: Sequence[int] | np.ndarray | None = None, aspect: float = 1.4) -> np.ndarray:
    """Unit number at each place of the rectangle, -1 where none stands: int [rows, columns].

    An image keeps its rows, row 0 at the top. The maps of a layer of features stand side by side, one per channel,
    with an empty line between them. Everything else fills a rectangle of about that aspect, row by row,
    in the given order.

    >>> cells(Group("input", "pixel", 784, (28, 28))).shape
    (28, 28)
    >>> cells(Group("conv1", "channel", 20, (20,))).shape
    (4, 5)
    """
    if len(layer.shape) == 2:
        return np.arange(layer.units).reshape(layer.shape)
    if len(layer.shape) == 3:
        return _mosaic(layer, aspect)
    units = np.arange(layer.units) if order is None else np.asarray(order)
    columns = _columns(layer.units, aspect)
    rows = math.ceil(layer.units / columns)
    grid = np.full(rows * columns, -1)
    grid[: layer.units] = units
    return grid.reshape(rows, columns)


def is_map(layer: Group) -> bool:
    """Whether a unit's place in the rectangle means something (an image, feature maps), so that it is never sorted."""
    return len(layer.shape) > 1


def _mosaic(layer: Group, aspect: float) -> np.ndarray:
    channels, height, width = layer.shape
    across = _columns(channels, aspect)
    down = math.ceil(channels / across)
    grid = np.full((down * (height + 1) - 1, across * (width + 1) - 1), -1)
    maps = np.arange(layer.units).reshape(layer.shape)
    for channel in range(channels):
        top, left = channel // across * (height + 1), channel % across * (width + 1)
        grid[top : top + height, left : left + width] = maps[channel]
    return grid


def _columns(count: int, aspect: float) -> int:
    """Columns of a rectangle of about this aspect; an exact one (no hole at the end) is preferred when it is near."""
    ideal = math.sqrt(count * aspect)
    exact = [c for c in range(1, count + 1) if count % c == 0 and 0.75 * ideal <= c <= 1.35 * ideal]
    return min(exact, key=lambda c: abs(c - ideal)) if exact else max(1, math.ceil(ideal))
