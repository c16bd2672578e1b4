"""CIFAR-10 from its official binary files, or from array files of the same images. No torch.

Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". Six files of 10,000 records each: a label
(one byte, 0..9), then 3,072 bytes of the image, red rows before green before blue.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tomllib
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sbp.data.download import Report, download
from sbp.data.sources import DataError, counted
from sbp.spec.images import IMAGES

NAME = "cifar-10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-bin"
# One file, or several whose images are taken in the order of their names, test last: x uint8 [n, 32, 32, 3], y uint8
# [n].
ARRAYS = "cifar-10*.npz"
_PYTHON = ("cifar-10-batches-py", "cifar-10-python.tar.gz")
RECORD = 1 + 3 * 32 * 32


@dataclass(frozen=True)
class BinFile:
    """One binary file: its name, the SHA-256 of its content, how many images it holds, whether they are for testing."""

    name: str
    sha256: str
    images: int = 10_000
    test: bool = False


@dataclass(frozen=True)
class Archive:
    """The published archive of the six files, and where it can be fetched."""

    name: str
    sha256: str
    mirrors: Sequence[str]


_PUBLISHED = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FILES = tuple(BinFile(name, sha256, test=name.startswith("test")) for name, sha256 in _PUBLISHED["files"].items())
ARCHIVE = Archive(**_PUBLISHED["archive"])


def read(root: Path, parts: Sequence[str] = ("train", "test")) -> dict[str, Any]:
    """Images uint8 [n, 3, 32, 32] and labels uint8 [n] of "train" and "test" as they lie under `root`, and the source.

    From the six files of `root`/cifar-10-batches-bin, else from `root`/cifar-10*.npz. Only the files of `parts` are
    read; either way every byte is the published one (SHA-256).
    Raises `DataError` with a sentence when nothing is there, or something else.
    """
    # In the order of the binary files: those for testing last, whatever their names.
    folder, arrays = root / FOLDER, sorted(root.glob(ARRAYS), key=lambda path: ("test" in path.stem, path.name))
    wanted = [file for file in FILES if ("test" if file.test else "train") in parts]
    if arrays and any(not (folder / file.name).is_file() for file in wanted):
        records, where = _from_arrays(arrays, wanted), " and ".join(path.name for path in arrays) + f" in {root}"
    else:
        records, where = [_from_file(folder, file) for file in wanted], str(folder)
    found: dict[str, Any] = {}
    for part in parts:
        rows = [rows for file, rows in zip(wanted, records, strict=True) if file.test == (part == "test")]
        whole = np.concatenate(rows) if len(rows) > 1 else rows[0]
        found[f"{part}_images"] = whole[:, 1:].reshape(-1, *IMAGES[NAME].shape)
        found[f"{part}_labels"] = whole[:, 0]
    return {**found, "source": f"CIFAR-10, {counted(found, parts)} images, read from {where}."}


def here(root: Path) -> bool:
    """Whether there is something to read; no file is opened."""
    return all((root / FOLDER / file.name).is_file() for file in FILES) or any(root.glob(ARRAYS))


def fetch(root: Path, report: Report | None = None) -> None:
    """Downloads the archive (170 MB), checks it, and leaves the six files in `root`/cifar-10-batches-bin.

    The archive itself may lie in `root`, where it stays. Raises `DataError` when no mirror will do, or the folder
    cannot be written.
    """
    folder = root / FOLDER
    names = ", ".join(file.name for file in FILES)
    yourself = f"put its files ({names}) there yourself"
    given = root / ARCHIVE.name
    if given.is_file() and hashlib.sha256(given.read_bytes()).hexdigest() == ARCHIVE.sha256:
        path = given
    else:
        path = download("CIFAR-10", ARCHIVE.mirrors, ARCHIVE.name, ARCHIVE.sha256, folder, yourself, report)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path) as archive:
            for file in FILES:
                member = archive.extractfile(f"{FOLDER}/{file.name}")
                assert member is not None  # the archive's checksum is right
                beside = folder / f"{file.name}.part"
                beside.write_bytes(member.read())
                beside.replace(folder / file.name)
        if path != given:
            path.unlink()
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror}. Point SBP_DATA to a folder of yours.") from None


def _from_file(folder: Path, file: BinFile) -> np.ndarray:
    """The records of one file, uint8 [n, 3073]."""
    path = folder / file.name
    if not path.is_file():
        there = [name for name in _PYTHON if (folder.parent / name).exists()]
        pickled = f" {there[0]} is its Python version, which is pickled and therefore not read." if there else ""
        raise DataError(
            f"CIFAR-10 is not in {folder}: {file.name} is missing.{pickled} Put its six .bin files there, or allow the "
            "download."
        )
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check the file and who may read it.") from None
    return _checked(np.frombuffer(raw, np.uint8), file, str(path))


def _from_arrays(paths: list[Path], wanted: list[BinFile]) -> list[np.ndarray]:
    """The records of the wanted files, cut out of the array files in the order of the binary ones."""
    x, y = (np.concatenate(parts) for parts in zip(*map(_arrays, paths), strict=True))
    starts = dict(zip(FILES, np.cumsum([0, *(file.images for file in FILES)]).tolist(), strict=False))
    records = []
    for file in wanted:
        part = slice(starts[file], starts[file] + file.images)
        planar = x[part].transpose(0, 3, 1, 2).reshape(-1, RECORD - 1)
        what = f"{' and '.join(str(path) for path in paths)}, images {part.start:,} to {part.stop - 1:,}"
        records.append(_checked(np.concatenate([y[part, None], planar], axis=1).reshape(-1), file, what))
    return records


def _arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    x = y = None
    # Read whole: a file that is no archive, a half one, and one without x or y say so in as many ways.
    with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        file = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)  # noqa: TID251 (nothing is unpickled)
        x, y = file["x"], file["y"]
    shape = (*IMAGES[NAME].shape[1:], 3)
    if x is None or y is None or x.shape != (len(y), *shape) or x.dtype != np.uint8 or y.dtype != np.uint8:
        raise DataError(
            f"{path}: expected an array file with x, uint8 [n, {', '.join(map(str, shape))}], and y, uint8 [n]. "
            f"Write it again, or put the six .bin files into {path.parent / FOLDER}."
        )
    return x, y


def _checked(values: np.ndarray, file: BinFile, where: str) -> np.ndarray:
    found = hashlib.sha256(values.tobytes()).hexdigest()
    if found != file.sha256:
        raise DataError(
            f"{where} is not what was published as {file.name}, or only a part of it: expected SHA-256 {file.sha256}, "
            f"got {found} ({values.size:,} bytes). Copy it again from where you have it, or delete it and it is "
            "downloaded again."
        )
    return values.reshape(-1, RECORD)
