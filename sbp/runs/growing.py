"""Reads the files of a run that grow by their new end alone, for as long as that is all that has changed. No torch.

A page looks at a live run every second or two, and twenty sessions look at the same one: what was read before is kept,
once a process, for the last dozen runs. A file that is another one by now, or shorter, or whose last known piece has
changed, as after a resume, is read from its start.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sbp.records import Record

KEPT_FILES = 24  # two of each run
SLACK = 1.5  # times what is needed is made ready when rows are added


@dataclass
class _Known:
    """What is known of a file: its inode, how many bytes of it are understood, and the last piece of these."""

    inode: int = -1
    offset: int = 0
    last: bytes = b""
    records: list[Record] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype="<f4"))
    count: int = 0


def grown_records(path: Path) -> tuple[list[Record], str]:
    """The records up to the first bad line, and a sentence about that line or an empty one; none of a missing file.

    A cut last line is left out: its writer died, or is writing it now.
    """
    with _lock:
        try:
            with open(path, "rb", buffering=0) as file:
                known = _known(("records", path), file)
                for line in os.pread(file.fileno(), _size(file) - known.offset, known.offset).splitlines(True):
                    if not line.endswith(b"\n"):
                        break
                    try:
                        known.records.append(Record.from_dict(json.loads(line)))
                    except (ValueError, TypeError, KeyError) as error:
                        number = len(known.records) + 1
                        said = f"{path.name} in {path.parent} cannot be read from line {number} on: {error}."
                        return list(known.records), said
                    known.offset, known.last = known.offset + len(line), line
                return list(known.records), ""
        except OSError:
            return [], ""


def grown_rows(path: Path, width: int) -> np.ndarray:
    """The whole rows of a file of little-endian float32, [rows, width], not to be written to; none of a missing file.

    Rows that were there before lie where they lay, so that whoever has them can tell by their place in memory.
    """
    step = 4 * width
    with _lock:
        try:
            with open(path, "rb", buffering=0) as file:
                known = _known(("rows", path, width), file)
                more = (_size(file) - known.offset) // step
                if more > 0:
                    content = os.pread(file.fileno(), more * step, known.offset)
                    _append(known, np.frombuffer(content, dtype="<f4", count=len(content) // step * width), width)
                    known.offset, known.last = known.count * step, content[: len(content) // step * step][-step:]
        except OSError:
            return np.zeros((0, width), dtype="<f4")
        rows = known.rows[: known.count].reshape(known.count, width)
        rows.flags.writeable = False
        return rows


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
    if known is not None and known.inode == inode and size >= known.offset:
        if os.pread(file.fileno(), len(known.last), known.offset - len(known.last)) == known.last:
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
