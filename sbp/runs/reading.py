"""Reads the parts of a run's folder that grow: records, snapshots, log. No torch."""

from __future__ import annotations

import itertools
import os
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from sbp.networks.specs import LayerInfo
from sbp.runs.growing import grown_records, grown_rows


@dataclass(frozen=True)
class Snapshots:
    """mu and log sigma through time: epochs [E] (int); loc and log_scale [E, units] by layer name."""

    epochs: np.ndarray
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.epochs)


def read_snapshots(path: Path, layers: tuple[LayerInfo, ...]) -> Snapshots:
    """Reads noise.f32 for these layers; a missing file has no rows, and a cut last row is left out."""
    units = [layer.units for layer in layers]
    rows = grown_rows(path, 1 + 2 * sum(units))
    edges = np.cumsum([1, *units, *units])
    parts = [rows[:, start:end] for start, end in itertools.pairwise(edges)]
    keys = [layer.name for layer in layers]
    return Snapshots(
        rows[:, 0].astype(np.int64),
        dict(zip(keys, parts[: len(keys)], strict=True)),
        dict(zip(keys, parts[len(keys) :], strict=True)),
    )


def read_tail(path: Path, lines: int) -> str:
    """The last lines of a text file, empty where there is none."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 400 * lines))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def scan_folder(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, modification time and size of every file, the hidden temporary ones left out."""
    entries = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                try:
                    facts = entry.stat()
                except OSError:
                    continue  # replaced between the listing and the look
                if not entry.name.startswith("."):
                    entries.append((entry.name, facts.st_mtime_ns, facts.st_size))
    except OSError:
        pass
    return tuple(sorted(entries))


@lru_cache(maxsize=512)
def records_problem(path: Path, entry: Hashable) -> str:
    """The sentence about the first bad line of the records, or an empty one; remembered by the file's time and size, so
    that a long list of runs stays cheap."""
    return "" if entry is None else grown_records(path)[1]
