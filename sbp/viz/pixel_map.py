"""The SNR of a layer as a picture: 28 x 28 pixels, maps of features, or a grid of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sbp.pruning.masks import is_kept
from sbp.spec.layout import Group
from sbp.viz import labels, palette
from sbp.viz.cell_layout import cells
from sbp.viz.pixels import enlarge


def picture(
    layer: Group, snr: np.ndarray, order: Sequence[int] | np.ndarray | None = None, dark: bool = False, size: int = 336
) -> np.ndarray:
    """One square cell a unit, coloured by its SNR: uint8 [H, W, 4], transparent where no unit stands.

    snr: [units]. size: about how many screen pixels wide; a cell is a whole number of them.

    >>> picture(Group("input", "pixel", 784, (28, 28)), np.ones(784)).shape
    (336, 336, 4)
    """
    grid = cells(layer, order)
    rgba = np.zeros((*grid.shape, 4), dtype=np.uint8)
    rgba[..., :3] = palette.snr_rgb(snr, dark)[grid]
    rgba[..., 3] = np.where(grid >= 0, 255, 0)
    factor = max(1, size // grid.shape[1])
    big = enlarge(rgba, factor)
    if factor >= 6 and len(layer.shape) != 2:  # cells apart, except in an image
        big[::factor, :, 3] = 0
        big[:, ::factor, 3] = 0
    return big


def describe(layer: Group, snr: np.ndarray, epoch: int | None = None) -> str:
    """The picture in a sentence, for those who do not see it."""
    kept = int(is_kept(snr).sum())
    when = "" if epoch is None else f" at epoch {epoch}"
    what = f"SNR of each {layer.kind} of {labels.layer_title(layer)}{when}"
    return f"{what}: {labels.count_of(kept, layer)} are kept (SNR 1 or more)."
