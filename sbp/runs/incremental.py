"""Reads the files of a run that grow by their new end alone, for as long as that is all that has changed. No torch.

A page looks at a live run every second or two, and twenty sessions look at the same one: what was read before is kept,
once per process, for the last dozen runs. A file that is another one by now, or shorter, or whose last known piece has
changed, as after a resume, is read from its start. A file counts as the one before if it has the same inode, is no
shorter and has the same last piece in the same place: to see that an earlier piece has changed, each look would have to
read all of it. Our own writers only append, cut the end off or replace the file.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sbp.runs.models import RECORD, Kind
from sbp.runs.plain_files import LARGE, BadFile, open_plain
from sbp.spec.ranges import NOISE, is_noise
from sbp.spec.records import Record, StepRecord

MOST_ROWS = 2**31  # bytes of noise: 160,000 epochs of LeNet-500-300
BLOCK = 2**24  # bytes that are looked at together
KEPT_FILES = 48  # four of each run
SLACK = 1.5  # times what is needed is made ready when rows are added


@dataclass
class _Known:
    """What is known of a file: its inode, how many bytes of it are understood, and the last piece of these."""

    inode: int = -1
    offset: int = 0
    last: bytes = b""
    records: list[Any] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype="<f4"))
    count: int = 0


def read_new_records(path: Path, units: tuple[int, ...] = (), kind: Kind = RECORD) -> tuple[list[Any], str]:
    """The records up to the first bad line, and a sentence about that line or an empty one; none of a missing file.

    A cut last line is left out: its writer has ended, or is writing it now. A line is bad that is no record, keeps
    more units than there are (`units` of each noise layer; empty where they are not known), or does not follow the one
    before it. kind: `models.RECORD`, or `STEP_RECORD` for the file of steps.
    """
    with _lock:
        try:
            with open_plain(path, LARGE) as file:
                known = _known((kind.model, path, units), file)
                content = os.pread(file.fileno(), _size(file) - known.offset, known.offset)
                # Zeros to the end are a cut end: what a power cut leaves of lines that were never written out.
                for line in content.rstrip(b"\0").splitlines(True):
                    if not line.endswith(b"\n"):
                        break
                    try:
                        record = kind.parse(line)
                        _check_record(record, known.records[-1] if known.records else None, units)
                        known.records.append(record)
                    except (ValueError, TypeError, KeyError) as error:
                        number = len(known.records) + 1
                        said = f"{path.name} in {path.parent} cannot be read from line {number} on: {error}."
                        return list(known.records), said
                    known.offset, known.last = known.offset + len(line), line
                return list(known.records), ""
        except FileNotFoundError:
            return [], ""
        except BadFile as error:
            return [], str(error)


def _check_record(record: Record | StepRecord, before: Record | StepRecord | None, units: tuple[int, ...]) -> None:
    """Raises ValueError for a record that cannot follow the one before it or is of another network."""
    kept = record.kept
    if units and kept is not None and len(kept) != len(units):
        raise ValueError(f"kept: expected {len(units)} counts, one per noise layer, got {len(kept)}")
    for count, all_of_them in zip(kept or (), units, strict=False):
        if count > all_of_them:
            raise ValueError(f"kept: expected at most the layer's {all_of_them:,} units, got {count:,}")
    if isinstance(record, Record) and (record.phase == "pretrain") is (record.epoch > 0):
        raise ValueError(f"epoch: expected at most 0 before the noise and at least 1 with it, got {record.epoch}")
    if before is not None and record.epoch <= before.epoch:
        raise ValueError(f"epoch: expected one after {before.epoch}, got {record.epoch}")
    if before is not None and record.step < before.step:
        raise ValueError(f"step: expected at least {before.step:,}, got {record.step:,}")


def read_new_rows(path: Path, width: int) -> np.ndarray:
    """The whole rows of a file of little-endian float32, [rows, width], not to be written to; none of a missing file.

    Rows that were there before stay where they are in memory, by which a caller that has them can tell.
    """
    step = 4 * width
    with _lock:
        try:
            with open_plain(path, MOST_ROWS) as file:
                known = _known(("rows", path, width), file)
                more = (_size(file) - known.offset) // step
                if more > 0:
                    content = os.pread(file.fileno(), more * step, known.offset)
                    _append(known, np.frombuffer(content, dtype="<f4", count=len(content) // step * width), width)
                    known.offset, known.last = known.count * step, content[: len(content) // step * step][-step:]
        except (OSError, BadFile):
            return np.zeros((0, width), dtype="<f4")
        rows = known.rows[: known.count].reshape(known.count, width)
        rows.flags.writeable = False
        return rows


def rows_in_order(epochs: np.ndarray, before: float = -1) -> np.ndarray:
    """Which rows have a whole epoch after that of the row before; bool [rows].

    >>> rows_in_order(np.array([0.0, 1.0, 0.0, 2.5, np.nan])).tolist()
    [True, True, False, False, False]
    """
    with np.errstate(invalid="ignore"):  # NaN comes after nothing
        return (np.diff(epochs, prepend=before) > 0) & (epochs >= 0) & (epochs < 2**31) & (epochs == np.floor(epochs))


def first_bad(good: np.ndarray) -> int:
    """The index of the first False, or how many there are."""
    return int(len(good) if good.all() else good.argmin())


def check_rows(path: Path, width: int, what: str = "an epoch") -> str:
    """A sentence about the first bad row of a file of noise, or an empty one; what: the number that a row begins with.

    Zeros to the end of the file are a cut end: what a power cut leaves of rows that were never written out.
    """
    step, number, before, half = 4 * width, 0, -1.0, 1 + width // 2
    try:
        with open_plain(path, MOST_ROWS) as file:
            while content := file.read(max(1, BLOCK // step) * step):
                rows = np.frombuffer(content, dtype="<f4", count=len(content) // step * width).reshape(-1, width)
                good = first_bad(rows_in_order(rows[:, 0], before) & is_noise(rows[:, 1:half], rows[:, half:]))
                if good < len(rows):
                    if not any(content[good * step :]) and not _anything(file):
                        return ""
                    got = f"{what.split()[-1]} {rows[good, 0]:g}"
                    return (
                        f"{path.name} in {path.parent} cannot be read from row {number + good + 1:,} on: expected "
                        f"{what} after that of the row before, {NOISE}, got {got}."
                    )
                if good:
                    number, before = number + good, float(rows[-1, 0])
    except FileNotFoundError:
        pass
    except BadFile as error:
        return str(error)
    return ""


def _anything(file: BinaryIO) -> bool:
    """Whether anything but zeros is left in a file."""
    while content := file.read(BLOCK):
        if any(content):
            return True
    return False


def _append(known: _Known, flat: np.ndarray, width: int) -> None:
    """Adds rows, in a larger place where the one there is is full: those who hold the old one keep it as it is."""
    fresh = flat.reshape(-1, width)
    need = known.count + len(fresh)
    if need > len(known.rows):
        room = np.empty((int(SLACK * need) if known.count else need, width), dtype="<f4")
        if known.count:
            room[: known.count] = known.rows[: known.count]
        known.rows = room
    known.rows[known.count : need] = fresh
    known.count = need


def _known(key: Hashable, file: BinaryIO) -> _Known:
    """What is known of this file, nothing where it does not go on from there."""
    known = _cache.get(key)
    inode, size = os.fstat(file.fileno()).st_ino, _size(file)
    if (
        known is not None
        and known.inode == inode
        and size >= known.offset
        and os.pread(file.fileno(), len(known.last), known.offset - len(known.last)) == known.last
    ):
        _cache.move_to_end(key)
        return known
    _cache[key] = known = _Known(inode)
    _cache.move_to_end(key)
    while len(_cache) > KEPT_FILES:
        _cache.popitem(last=False)
    return known


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


_cache: OrderedDict[Hashable, _Known] = OrderedDict()
_lock = threading.Lock()
