"""Reads the parts of a run's folder that grow: records, snapshots, log. No torch."""

from __future__ import annotations

import functools
import itertools
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from sbp.runs import remote
from sbp.runs.configs import read_config
from sbp.runs.description_model import DESCRIPTION, read_description
from sbp.runs.incremental import check_rows, first_bad, read_new_records, read_new_rows, rows_in_order
from sbp.runs.models import RECORD, Kind
from sbp.runs.plain_files import BadFile, kind_of, open_plain, sha256_of
from sbp.runs.states import ACTIVE, State
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.layout import Group

SETTLED = 100_000_000  # ns since its last change from which on a file's time tells it from every other state of it
KEPT_ENTRIES = (
    2048  # above four of each run that a page lists: with fewer, each look would push out what the next needs
)
ENDLESS = sys.maxsize  # of a log only the end is read
HUNG_SECONDS = 60.0  # without a word, after which nobody waits for a worker any more


@dataclass(frozen=True)
class Snapshots:
    """mu and log sigma through time: epochs [E] (int); loc and log_scale [E, units] by layer name."""

    epochs: np.ndarray
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.epochs)


def read_snapshots(path: Path, layers: tuple[Group, ...]) -> Snapshots:
    """Reads noise.f32 for these layers, or steps.f32, whose `epochs` are steps of the run; a missing file has no rows,
    and a cut last row is left out, as is all from the first one on that is out of order."""
    units = [layer.units for layer in layers]
    rows = read_new_rows(path, 1 + 2 * sum(units))
    rows = rows[: first_bad(rows_in_order(rows[:, 0]))]
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
        with open_plain(path, ENDLESS) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 400 * lines))
            text = file.read(400 * lines).decode("utf-8", errors="replace")
    except (OSError, BadFile):
        return ""
    return "\n".join(text.splitlines()[-lines:])


@dataclass(frozen=True)
class Entry:
    """One name in a run's folder: when it was last changed, how large it is, which file it is; and what it is where
    it is no plain file ("a link")."""

    name: str
    changed: int
    size: int
    inode: int
    kind: str = ""


def scan_folder(folder: Path) -> tuple[Entry, ...]:
    """Every name in the folder, the hidden temporary ones left out; nothing is followed."""
    entries = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                if entry.name.startswith("."):
                    continue
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # replaced between the listing and the look
                kind = kind_of(facts.st_mode)
                entries.append(Entry(entry.name, facts.st_mtime_ns, facts.st_size, facts.st_ino, kind))
    except OSError:
        pass
    return tuple(sorted(entries, key=lambda entry: entry.name))


P = ParamSpec("P")
T = TypeVar("T")


def _by_entry(read: Callable[P, T]) -> Callable[P, T]:
    """Remembers what a reader found by its arguments, the file's entry among them: a long list of runs is cheap.

    A file that was changed a moment ago is read again: a clock that ticks every few milliseconds cannot tell a second
    change from the first.
    """
    known = lru_cache(maxsize=KEPT_ENTRIES)(read)

    @functools.wraps(read)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        entries = (value for value in args if isinstance(value, Entry))
        if any(time.time_ns() - entry.changed < SETTLED for entry in entries):
            return read(*args, **kwargs)
        return known(*args, **kwargs)  # type: ignore[arg-type]  # all of them hashable

    return wrapped


@_by_entry
def remembered(kind: Kind, path: Path, entry: Entry) -> dict[str, Any]:
    """What a file holds, not to be changed. Raises `BadFile`."""
    return kind.read(path)


@_by_entry
def remembered_config(folder: Path, entry: Entry) -> RunConfig:
    """A run's config. Raises `BadFile`."""
    return read_config(folder)


@_by_entry
def remembered_description(folder: Path, config: RunConfig, entry: Entry | None) -> Description:
    """What a run's network is, by its folder, or by its config where the folder does not say. Raises `BadFile`."""
    return read_description(folder, config, DESCRIPTION.read(folder / entry.name) if entry else None)


@_by_entry
def records_problem(path: Path, entry: Entry | None, units: tuple[int, ...], kind: Kind = RECORD) -> str:
    """The sentence about the first bad line of the records, or an empty one."""
    return "" if entry is None else read_new_records(path, units, kind)[1]


@_by_entry
def rows_problem(path: Path, entry: Entry | None, units: tuple[int, ...], what: str = "an epoch") -> str:
    """The sentence about the first bad row of the noise, or an empty one."""
    return "" if entry is None else check_rows(path, 1 + 2 * sum(units), what)


@_by_entry
def changed_problem(folder: Path, digests: tuple[tuple[str, str], ...], *entries: Entry) -> str:
    """The sentence about the first file that is not what it was when its run finished, or an empty one.

    digests: of such files the name and the SHA-256. entries: theirs, as they are now.
    """
    for name, digest in digests:
        try:
            if sha256_of(folder / name, ENDLESS) != digest:
                return f"{name} in {folder} has changed since the run finished: its SHA-256 is another."
        except FileNotFoundError:
            return f"{name} in {folder} is missing; it was there when the run finished."
    return ""


def heard_of(status: Mapping[str, Any], folder: Path) -> bool:
    """Whether a worker on another machine has told of the run in this folder in the last `HUNG_SECONDS`.

    On some network file systems a lock keeps nobody out but on its own machine; this keeps a second writer out there.
    """
    waits_elsewhere = status.get("state") == State.QUEUED and status.get("launcher") is not None
    if status.get("state") not in ACTIVE or waits_elsewhere:
        return False
    if (told := remote.written_elsewhere(folder)) is not None:
        return told
    if status.get("machine") in (None, platform.node()):
        return False
    return time.time() - float(status.get("updated") or 0.0) < HUNG_SECONDS
