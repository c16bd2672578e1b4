"""A data set in the form of MNIST, small enough for a test: its files, packed or not, with checksums or without."""

from __future__ import annotations

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sbp.data import sources
from sbp.data.sources import IdxFile, Source

SHAPES = ((30, 28, 28), (30,), (10, 28, 28), (10,))
NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(values: np.ndarray, magic: int | None = None) -> bytes:
    """The bytes of an idx file, written out here a second time so that the reader is not its own witness."""
    magic = 0x0800 + values.ndim if magic is None else magic
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.astype(np.uint8).tobytes()


def contents() -> list[bytes]:
    rng = np.random.default_rng(7)
    return [idx(rng.integers(0, 256 if len(shape) == 3 else 10, shape)) for shape in SHAPES]


def source_of(raw: list[bytes], mirrors: tuple[str, ...] = ()) -> Source:
    """A data set in the published form with the checksums of these bytes."""

    def sha(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    files = (
        IdxFile(f"{name}-ubyte", sha(gzip.compress(content, mtime=0)), sha(content), shape)
        for name, content, shape in zip(NAMES, raw, SHAPES, strict=True)
    )
    return Source("Tiny MNIST", mirrors, tuple(files))


def unpack(root: Path) -> None:
    for path in (root / "mnist").glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the checksums away, so that the structure is all there is to judge by."""
    source = sources.SOURCES["mnist"]
    files = tuple(replace(file, gz_sha256="", sha256="") for file in source.files)
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(source, files=files))
