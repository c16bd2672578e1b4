"""The images of a data set for looking at: test images, the mean of each class, which pixels are ever lit. No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sbp.data import cifar
from sbp.data.datasets import read_arrays
from sbp.data.sources import N_CLASSES, SOURCES, DataError, IdxFile, Source, bilinear
from sbp.spec import DATASETS

_FASHION = ("T-shirt", "Trousers", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


@dataclass(frozen=True, eq=False)
class Pictures:
    """name, source: which data set, in a sentence. classes: what each class is called. n_train: training images.

    test_images: uint8 [n, 28, 28], or [n, 3, 32, 32] in colour; test_labels: uint8 [n]; means: uint8 [10, 28, 28], the
    mean training image of each class; lit: bool [28, 28], whether a pixel is above 0 in any training image.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    n_train: int
    test_images: np.ndarray
    test_labels: np.ndarray
    means: np.ndarray
    lit: np.ndarray


def pictures(name: str, root: str | Path | None = None) -> Pictures:
    """Reads "mnist", "fashion-mnist", "cifar-10" or "digits" from `root` (by default `data_root()`); downloads nothing.

    Raises `DataError` when the data set is not known, not there, or not the published one.

    >>> found = pictures("digits")
    >>> found.means.shape, len(found.test_labels), int((~found.lit).sum())
    ((10, 28, 28), 360, 4)
    """
    if name not in DATASETS:
        raise DataError(f"Expected one of the data sets {', '.join(DATASETS)}, got {name!r}.")

    def absent(source: Source, file: IdxFile, folder: Path) -> Path:
        raise DataError(f"{source.title} is not in {folder}: {file.name}.gz is missing.")

    arrays = read_arrays(name, root, absent)
    images, labels = arrays["train_images"], arrays["train_labels"]
    sums = np.stack([images[labels == label].sum(axis=0, dtype=np.int64) for label in range(N_CLASSES)])
    counts = np.bincount(labels, minlength=N_CLASSES).reshape(-1, *[1] * (images.ndim - 1))
    return Pictures(
        name=name,
        source=SOURCES[name].title if name in SOURCES else arrays["source"],
        classes={"fashion-mnist": _FASHION, cifar.NAME: cifar.CLASSES}.get(name, tuple("0123456789")),
        n_train=len(labels),
        test_images=arrays["test_images"],
        test_labels=arrays["test_labels"],
        means=np.rint(sums / counts).astype(np.uint8),
        lit=images.max(axis=0).reshape(-1, *images.shape[-2:]).max(axis=0) > 0,
    )


def framed(found: Pictures) -> Pictures:
    """The same images the way MNIST frames its own: shrunk to the 20 x 20 in the middle, a black edge of 4 around.

    For images that fill all of their 28 x 28 when a network that learned from MNIST is to read them.
    """
    shrink = bilinear(28, 20)

    def frame(images: np.ndarray) -> np.ndarray:
        small = np.rint(shrink @ images.astype(np.float64) @ shrink.T).astype(np.uint8)
        return np.pad(small, [(0, 0)] * (images.ndim - 2) + [(4, 4), (4, 4)])

    return replace(
        found, test_images=frame(found.test_images), means=frame(found.means), lit=frame(255 * found.lit) > 0
    )


def coloured(found: Pictures, image: tuple[int, int, int]) -> Pictures:
    """Grey images in the middle of larger ones, all colours alike, for a network that reads images of this shape."""
    channels, rows, columns = image
    before = (rows - 28) // 2, (columns - 28) // 2
    edges = [(before[0], rows - 28 - before[0]), (before[1], columns - 28 - before[1])]

    def larger(images: np.ndarray) -> np.ndarray:
        padded = np.pad(images, [(0, 0)] * (images.ndim - 2) + edges)
        return np.repeat(padded[:, None], channels, axis=1) if images.ndim == 3 else padded

    return replace(found, test_images=larger(found.test_images), means=larger(found.means), lit=larger(found.lit))
