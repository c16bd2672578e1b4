"""Fixtures of the tests of data sets: a tiny MNIST, and the digits."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sbp.data import sources
from sbp.data.datasets import Dataset, load
from tests.data.tiny import NAMES, contents, source_of


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose mnist/ holds a tiny data set, which `load("mnist")` takes for the published one."""
    raw = contents()
    monkeypatch.setitem(sources.SOURCES, "mnist", source_of(raw))
    folder = tmp_path / "root" / "mnist"
    folder.mkdir(parents=True)
    for name, content in zip(NAMES, raw, strict=True):
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder.parent


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")
