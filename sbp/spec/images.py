"""What is known of a data set's images without reading them: their shape, and how they become numbers. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Images:
    """A data set's title and its images: shape is channels, rows, columns; train: how many there are to train on.

    mean, deviation: of each channel over the training images in [0, 1]; a network is given (x - mean) / deviation.
    Empty: it is given x in [0, 1] itself. mirrors: whether an image's mirror image has the same class.

    >>> IMAGES["cifar-10"].by
    '3 x 32 x 32'
    """

    title: str
    shape: tuple[int, int, int]
    train: int
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    mirrors: bool = False

    @property
    def by(self) -> str:
        """The shape as one says it."""
        return by(self.shape)


def by(shape: tuple[int, ...]) -> str:
    """A shape in words.

    >>> by((1, 28, 28))
    '1 x 28 x 28'
    """
    return " x ".join(str(side) for side in shape)


_SMALL = (1, 28, 28)
IMAGES: dict[str, Images] = {
    "mnist": Images("MNIST", _SMALL, 60_000),
    "fashion-mnist": Images("Fashion-MNIST", _SMALL, 60_000, mirrors=True),
    "digits": Images("digits", _SMALL, 1_437),
    # Of all 50,000 training images; a test recomputes them.
    "cifar-10": Images(
        "CIFAR-10", (3, 32, 32), 50_000, (0.49140, 0.48216, 0.44653), (0.24703, 0.24349, 0.26159), mirrors=True
    ),
}


def as_read(images: np.ndarray, dataset: str) -> np.ndarray:
    """Images as a network reads them, float32 [n, C, H, W]; from uint8 [n, H, W] or [n, C, H, W].

    >>> as_read(np.full((2, 28, 28), 255, np.uint8), "mnist").shape
    (2, 1, 28, 28)
    """
    about = IMAGES[dataset]
    values = images.reshape(len(images), *about.shape).astype(np.float32) / np.float32(255)
    if about.mean:
        mean, deviation = (np.array(part, np.float32).reshape(-1, 1, 1) for part in (about.mean, about.deviation))
        values = (values - mean) / deviation
    return values
