"""Small pictures of key figures of one made-up run, as files to compare with.

python -m tests.viz.pictures      writes them again; look at what changed before it is committed
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sbp.viz import density, export, heatmap, kept, snr_map, trajectories
from sbp.viz.tables import RunTables, tables
from tests.made_up import write_run

FOLDER = Path(__file__).parent / "pictures"
LOW, HIGH = -20.0, 0.0
FIGURES: dict[str, Callable[[RunTables], Any]] = {
    "heatmap": lambda found: heatmap.chart(found, "dense1", 12),
    "heatmap-dark": lambda found: heatmap.chart(found, "dense1", 12, dark=True),
    "kept": lambda found: kept.chart(found, 12),
    "trajectories": lambda found: trajectories.chart(found, "dense1", 12),
    "density": lambda found: density.chart(found, "dense1", 3, 7, LOW, HIGH),
    "snr-map": lambda found: snr_map.chart(found, "dense1", 3, 7, LOW, HIGH),
}
BLOCK = 6  # pixels; a letter is smaller, so that another font is no other picture


def drawn(name: str, found: RunTables) -> Image.Image:
    """A figure as a small picture."""
    picture = Image.open(io.BytesIO(export.png(FIGURES[name](found), width=560, scale=0.5)))
    return picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)


def kept_picture(name: str) -> Image.Image:
    """The picture in the folder."""
    return Image.open(FOLDER / f"{name}.png")


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart: the share of blocks whose mean colours differ by more than 16 of 255; 1 where
    their sizes differ by more than two pixels."""
    if max(abs(a - b) for a, b in zip(one.size, other.size, strict=True)) > 2:
        return 1.0
    box = (0, 0, min(one.width, other.width), min(one.height, other.height))
    reduced = [picture.convert("RGB").crop(box).reduce(BLOCK) for picture in (one, other)]
    means = [np.asarray(picture, dtype=np.float64) for picture in reduced]
    return float((np.abs(means[0] - means[1]).max(axis=-1) > 16).mean())


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = tables(write_run(Path(folder)))
        for figure in FIGURES:
            drawn(figure, made).save(FOLDER / f"{figure}.png", optimize=True)
