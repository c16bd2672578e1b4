"""Data sets as tensors in memory: load, check, split. Torch is imported only where tensors are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sbp.data import cifar
from sbp.data.download import Report, fetch
from sbp.data.sources import (
    N_CLASSES,
    SOURCES,
    Absent,
    DataError,
    IdxFile,
    Source,
    data_root,
    digits,
    find,
    read_source,
)
from sbp.spec import DATASETS, DataConfig
from sbp.spec.images import IMAGES

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "DATASETS",
    "DataError",
    "Dataset",
    "Split",
    "as_inputs",
    "data_root",
    "default_dataset",
    "held_out",
    "load",
    "prepare",
    "read_part",
]

# The largest part of the training images that may be held out; the small digits cannot spare half.
_MOST_HELD_OUT = {"digits": 0.2}
_KEYS = ("train_images", "train_labels", "test_images", "test_labels")


@dataclass(frozen=True)
class Dataset:
    """Images and labels as published, in main memory.

    Images: uint8 [N, 28, 28], 0 is background, or [N, 3, 32, 32], red, green, blue. Labels: int64 [N], 0..9. source: a
    sentence, what was read.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    source: str


@dataclass(frozen=True)
class Split:
    """What a training reads, on its device: x float32 [n, C, H, W] as `as_inputs` gives it, y int64 [n].

    The validation part may be empty (n = 0).
    """

    train_x: Tensor
    train_y: Tensor
    validation_x: Tensor
    validation_y: Tensor
    test_x: Tensor
    test_y: Tensor

    @property
    def n_train(self) -> int:
        """Examples that are trained on: the n of KL / n in the objective."""
        return len(self.train_y)

    @property
    def n_validation(self) -> int:
        """Examples held out, which may be fewer than asked for."""
        return len(self.validation_y)

    def trial(self, n: int = 5000) -> tuple[Tensor, Tensor, str]:
        """Images and labels to choose a threshold on, and which they are: the "validation" set where there is one, else
        the first n of "training". Never the test set, which is for one look at the end."""
        if self.n_validation:
            return self.validation_x, self.validation_y, "validation"
        return self.train_x[:n], self.train_y[:n], "training"


def load(
    name: str, root: str | Path | None = None, *, download: bool = True, progress: Report | None = None
) -> Dataset:
    """Loads a data set: "mnist", "fashion-mnist", "cifar-10", or the "digits" that come with scikit-learn.

    Args:
        name: one of `sbp.spec.DATASETS`.
        root: the folder that holds a folder for each data set; by default `data_root()`, $SBP_DATA or ./data.
        download: whether to fetch files that are absent.
        progress: called during a download with (file, bytes done, bytes in all); without it a bar is drawn where the
            output is a terminal.

    Returns:
        Images and labels in main memory, as published.

    Raises:
        DataError: the name is unknown, files are absent and cannot be downloaded, or a file is not the published one
            (checksum, magic number, shape, count, labels).

    >>> digits = load("digits")
    >>> digits.train_images.shape, digits.test_images.shape
    (torch.Size([1437, 28, 28]), torch.Size([360, 28, 28]))
    """
    import torch

    if name not in DATASETS:
        raise DataError(f"Expected one of the data sets {', '.join(DATASETS)}, got {name!r}.")
    folder = Path(root) if root is not None else data_root()
    if name == cifar.NAME and download and not cifar.here(folder):
        cifar.fetch(folder, progress)

    def absent(source: Source, file: IdxFile, folder: Path) -> Path:
        if download:
            return fetch(source, file, folder, progress)
        raise DataError(
            f"{source.title} is not in {folder}: {file.name}.gz is missing. Put its four .gz files "
            "there, or allow the download, or choose the data set digits."
        )

    arrays = read_arrays(name, folder, absent)
    # Arrays over the file's bytes are read-only; torch wants its own memory.
    tensors = {key: torch.tensor(arrays[key]) for key in _KEYS}
    for key in ("train_labels", "test_labels"):
        tensors[key] = tensors[key].long()
    return Dataset(name=name, source=arrays["source"], **tensors)


def read_arrays(
    name: str, root: str | Path | None, absent: Absent, parts: Sequence[str] = ("train", "test")
) -> dict[str, Any]:
    """These parts of a data set as `read_source` gives them, whose `absent` it takes; digits always whole."""
    if name == "digits":
        return digits()
    folder = Path(root) if root is not None else data_root()
    return cifar.read(folder, parts) if name == cifar.NAME else read_source(name, folder, absent, parts)


def read_part(name: str, part: str, root: str | Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 and labels uint8 [n] of the part "train" or "test", as published; no torch, no download.

    Raises `DataError` as `load` does, and when the files are not there.

    >>> read_part("digits", "test")[0].shape
    (360, 28, 28)
    """

    def absent(source: Source, file: IdxFile, folder: Path) -> Path:
        raise DataError(f"{source.title} is not in {folder}; training on it once puts it there.")

    arrays = read_arrays(name, root, absent, (part,))
    return arrays[f"{part}_images"], arrays[f"{part}_labels"]


def held_out(
    name: str,
    validation_size: int = 5000,
    random_share: float = 0.0,
    seed: int = 0,
    root: str | Path | None = None,
    train_size: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The validation part of `prepare`, or with a `train_size` (0: all) its training part, as `read_part` gives them.

    >>> len(held_out("digits")[1]), len(held_out("digits", train_size=0)[1])
    (287, 1150)
    """
    images, labels = read_part(name, "train", root)
    n = len(labels)
    labels = _with_random(labels, random_share, seed)
    rest = n - _held_out_size(name, n, validation_size)
    part = slice(rest, n) if train_size is None else slice(0, train_size or rest)
    return images[part], labels[part]


def _held_out_size(name: str, n: int, validation_size: int) -> int:
    return min(validation_size, int(n * _MOST_HELD_OUT.get(name, 0.5)))


def _with_random(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The labels with this share of them, drawn one by one, replaced by labels drawn from 0..9."""
    random = np.random.default_rng(seed)
    drawn = random.integers(0, N_CLASSES, size=len(labels)).astype(labels.dtype)
    return np.where(random.random(len(labels)) < share, drawn, labels)


def default_dataset(root: str | Path | None = None) -> tuple[str, str]:
    """The data set to begin with, and why: MNIST where its files are, else digits. Downloads nothing."""
    folder = (Path(root) if root is not None else data_root()) / "mnist"
    if all(find(folder, file) for file in SOURCES["mnist"].files):
        return "mnist", f"MNIST is in {folder}."
    return (
        "digits",
        f"MNIST is not in {folder}, so scikit-learn's bundled digits (1,797 small images) are used; "
        "choose the data set mnist to download it (11 MB).",
    )


def prepare(dataset: Dataset, config: DataConfig | None = None, device: str = "cpu", seed: int = 0) -> Split:
    """Splits a data set and puts it on the device.

    The last `validation_size` training images of the file are held out, at most half of them (a fifth for
    digits); of the rest the first `train_size` are trained on (0: all). With random_labels every training and
    validation label is drawn uniformly from 0..9 by NumPy's generator with `seed`, the same whatever the sizes, and
    with label_noise that share of them; the test set keeps its own (Zhang et al. 2017, arXiv:1611.03530, section 2).
    Without a config its defaults.
    Raises `DataError` when `train_size` is more than there is.

    >>> split = prepare(load("digits"), DataConfig(train_size=1000, validation_size=5000))
    >>> split.n_train, split.n_validation, split.train_x.shape
    (1000, 287, torch.Size([1000, 1, 28, 28]))
    """
    import torch

    config = config or DataConfig()
    train_size, n = config.train_size, len(dataset.train_labels)
    size = _held_out_size(dataset.name, n, config.validation_size)
    rest = n - size
    if train_size > rest:
        raise DataError(
            f"train_size: expected at most {rest:,} of {dataset.name}'s {n:,} training images "
            f"({size:,} are held out for validation), got {train_size:,}; "
            "lower train_size or validation_size."
        )
    labels = torch.from_numpy(_with_random(dataset.train_labels.numpy(), config.random_share, seed))
    parts = {"train": slice(0, train_size or rest), "validation": slice(rest, n)}
    name = dataset.name
    tensors = {"test_x": as_inputs(name, dataset.test_images, device), "test_y": dataset.test_labels.to(device)}
    for part, where in parts.items():
        tensors[f"{part}_x"] = as_inputs(name, dataset.train_images[where], device)
        tensors[f"{part}_y"] = labels[where].to(device)
    return Split(**tensors)


def as_inputs(name: str, images: Tensor, device: str = "cpu") -> Tensor:
    """What a network is given of a data set's images, uint8 as published: float32 [n, C, H, W] on the device.

    x = byte / 255, and (x - mean) / deviation by channel where the data set has them
    (`sbp.spec.images`): cifar-10 alone. Bytes travel, the device divides.

    >>> import torch
    >>> as_inputs("cifar-10", torch.full((1, 3, 32, 32), 255, dtype=torch.uint8))[0, :, 0, 0]
    tensor([2.0589, 2.1267, 2.1158])
    """
    about = IMAGES[name]
    x = images.to(device).reshape(len(images), *about.shape).float().div_(255)
    for channel, (mean, deviation) in enumerate(zip(about.mean, about.deviation, strict=True)):
        x[:, channel].sub_(mean).div_(deviation)
    return x
