"""Where images come from and how their files are checked: NumPy arrays in, nothing half-read out. No torch.

MNIST and Fashion-MNIST are four idx files each (big-endian header, then bytes), as their authors publish
them: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; Xiao et al. 2017, arXiv:1708.07747.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import tomllib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

N_CLASSES = 10
_GZIP = b"\x1f\x8b"


class DataError(RuntimeError):
    """A data set cannot be had or is not what it should be; the message says which file and what to do."""


@dataclass(frozen=True)
class IdxFile:
    """One idx file: its name, the SHA-256 of its .gz and of its content ("" if unknown), its shape."""

    name: str
    gz_sha256: str
    sha256: str
    shape: tuple[int, ...]

    @property
    def magic(self) -> int:
        """The first four bytes: 0x08 for unsigned bytes, then the number of dimensions."""
        return 0x0800 + len(self.shape)


@dataclass(frozen=True)
class Source:
    """A published data set: its title, where it can be fetched, and its four files.

    Their order: training images, training labels, test images, test labels.
    """

    title: str
    mirrors: tuple[str, ...]
    files: tuple[IdxFile, ...]


_NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
_SHAPES = ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))


def _source(title: str, mirrors: Sequence[str], sums: Sequence[tuple[str, str]]) -> Source:
    rows = zip(_NAMES, sums, _SHAPES, strict=True)
    return Source(title, tuple(mirrors), tuple(IdxFile(f"{name}-ubyte", *pair, shape) for name, pair, shape in rows))


_PUBLISHED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
SOURCES: dict[str, Source] = {name: _source(**told) for name, told in _PUBLISHED.items()}


Absent = Callable[[Source, IdxFile, Path], Path]


# Where torchvision puts the same files, beside our folders.
_TORCHVISION = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}


def candidates(folder: Path, file: IdxFile) -> list[Path]:
    """The files that may be this one, packed or unpacked, by the names and in the folders that are about; unopened."""
    names = (file.name, file.name.replace("-idx", ".idx"))
    places = (folder, folder.parent / _TORCHVISION.get(folder.name, ""))
    tried = [place / f"{name}{end}" for place in places for name in names for end in (".gz", "")]
    return [path for path in [*tried, *(path / path.name for path in tried)] if path.is_file()]


def find(folder: Path, file: IdxFile) -> Path | None:
    """The first of the `candidates`, or None; it is not opened."""
    return next(iter(candidates(folder, file)), None)


def read_source(name: str, root: Path, absent: Absent, parts: Sequence[str] = ("train", "test")) -> dict[str, Any]:
    """Images and labels of these parts of a source, uint8, by "train_images" and the like, and "source", a sentence.

    All files are there before any is read. absent: gives the path of a file that is not in the folder, or raises.
    """
    source, folder = SOURCES[name], root / name
    keys = ("train_images", "train_labels", "test_images", "test_labels")
    files = {key: file for key, file in zip(keys, source.files, strict=True) if key.partition("_")[0] in parts}
    paths = {key: candidates(folder, file) or [absent(source, file, folder)] for key, file in files.items()}
    arrays = {key: _first_right(paths[key], file) for key, file in files.items()}
    return {**arrays, "source": f"{source.title}, {counted(arrays, parts)} images, read from {folder}."}


def _first_right(paths: Sequence[Path], file: IdxFile) -> np.ndarray:
    """What is read from the first path that holds the published file; raises the first's `DataError` if none does."""
    problems = []
    for path in paths:
        try:
            return read_idx(path, file)
        except DataError as error:
            problems.append(error)
    raise problems[0]


def counted(arrays: Mapping[str, Any], parts: Sequence[str]) -> str:
    """How many images there are of these parts.

    >>> counted({"train_labels": range(1437), "test_labels": range(360)}, ("train", "test"))
    '1,437 training and 360 test'
    """
    titles = {"train": "training", "test": "test"}
    return " and ".join(f"{len(arrays[f'{part}_labels']):,} {titles[part]}" for part in parts)


def read_idx(path: Path, file: IdxFile) -> np.ndarray:
    """Reads one idx file into a uint8 array of `file.shape` after checking every byte of it.

    The content decides, not the name: packed or unpacked, packed again by somebody, or unpacked under a .gz name.
    The checks: SHA-256 of the file or of what is packed in it, then magic number, shape and length, then labels in
    0..9. Raises `DataError` with file, expectation and finding when one fails.
    """
    try:
        raw = content = path.read_bytes()
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}. Check the file and who may read it."
        raise DataError(problem) from None
    broken = ""
    if raw.startswith(_GZIP):
        try:
            content = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            broken = f"{path} cannot be unpacked: {error}. {_remedy(path)}"
    found, inside = (hashlib.sha256(part).hexdigest() for part in (raw, content))
    published = {file.gz_sha256, file.sha256} - {""}
    if published and not published & {found, inside}:
        expected = file.gz_sha256 if path.suffix == ".gz" else file.sha256
        raise DataError(
            f"{path} is not the published file, or only a part of it: expected SHA-256 {expected}, "
            f"got {found} ({len(raw):,} bytes). {_remedy(path)}"
        )
    if broken:
        raise DataError(broken)
    return _parse_idx(path, content, file)


def _parse_idx(path: Path, raw: bytes, file: IdxFile) -> np.ndarray:
    def must(holds: bool, expected: str, got: object) -> None:
        if not holds:
            raise DataError(f"{path}: expected {expected}, got {got}. {_remedy(path)}")

    start = 4 + 4 * len(file.shape)
    header, count = raw[:start], math.prod(file.shape)
    must(len(header) == start, f"a header of {start} bytes", f"{len(header)} bytes in all")
    magic, *shape = struct.unpack(f">{start // 4}I", header)
    must(magic == file.magic, f"the magic number {file.magic}", magic)
    must(tuple(shape) == file.shape, f"the shape {file.shape}", tuple(shape))
    values = np.frombuffer(raw, np.uint8, offset=start)
    must(values.size == count, f"{count:,} values after the header", f"{values.size:,}")
    if len(file.shape) == 1:
        must(int(values.max()) < N_CLASSES, f"labels from 0 to {N_CLASSES - 1}", values.max())
    return values.reshape(file.shape)


def _remedy(path: Path) -> str:
    return f"Delete {path.name} and it is downloaded again, or copy it again from where you have it."


def data_root() -> Path:
    """The folder that holds one folder a data set: $SBP_DATA, or ./data."""
    return Path(os.environ.get("SBP_DATA") or "data").expanduser()


def digits(test_size: int = 360) -> dict[str, Any]:
    """scikit-learn's bundled 8 x 8 digits, spread over 28 x 28: 1,437 images to train on, 360 to test.

    The 1,797 images (Alpaydin, Kaynak, 1998: the test part of UCI's "Optical Recognition of Handwritten
    Digits") keep their order and the last 360 are the test set, so the split never changes. They are upscaled
    by bilinear interpolation, and values 0..16 become 0..255. Arrays as `read_idx` gives them, by name.
    """
    from sklearn.datasets import load_digits  # slow to load, and needed for this alone

    bundle = load_digits()
    spread = bilinear(8, 28)
    images = np.rint(spread @ bundle.images @ spread.T * (255 / 16)).astype(np.uint8)
    labels = bundle.target.astype(np.uint8)
    return {
        "train_images": images[:-test_size],
        "train_labels": labels[:-test_size],
        "test_images": images[-test_size:],
        "test_labels": labels[-test_size:],
        "source": f"scikit-learn's bundled digits, {len(labels) - test_size:,} training and {test_size:,} "
        "test images of 8 x 8 pixels upscaled to 28 x 28.",
    }


def bilinear(small: int, large: int) -> np.ndarray:
    """The [large, small] matrix that interpolates along one axis: pixels are areas, edges are clamped."""
    centres = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    return np.maximum(0, 1 - np.abs(centres[:, None] - np.arange(small)))
