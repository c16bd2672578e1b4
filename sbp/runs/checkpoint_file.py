"""The checkpoint of a run's folder, in an order that a power cut cannot turn round. No torch.

Records and noise reach the disk before the checkpoint that covers them, and it before the one before it goes. Whoever
resumes looks whether all that a checkpoint covers is there, bit by bit; where it is not, the one before it counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from sbp.runs.filenames import BEFORE, CHECKPOINT, NOISE, RECORDS, STEP_NOISE, STEPS
from sbp.runs.files import replace_bytes, sync
from sbp.runs.plain_files import BadFile, open_plain, sha256_of
from sbp.spec.seal import header_of, header_to_seal, is_whole, seal

MOST_BYTES = 2**40  # of a checkpoint or of noise
# The files that a run appends to, by what a checkpoint calls their lines and their rows.
LINES = {"records": RECORDS, "steps": STEPS}
ROWS = {"rows": NOISE, "step_rows": STEP_NOISE}
Arrays = dict[str, np.ndarray]


class Saved(NamedTuple):
    """A checkpoint: arrays, plain values, the records and rows that it covers, and what there is to say of it."""

    tensors: Arrays
    state: dict[str, Any]
    covers: dict[str, Any]
    note: str = ""


def to_bytes(tensors: Mapping[str, np.ndarray], header: Mapping[str, str]) -> bytes:
    """A safetensors file with the SHA-256 of itself."""
    # safetensors writes an array's memory as it lies, so a transposed view would come back scrambled.
    arrays = {name: np.array(value, order="C") for name, value in tensors.items()}
    return seal(save(arrays, metadata=header_to_seal(header)))


def write(folder: Path, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any], row_bytes: int) -> None:
    """Replaces the checkpoint by one that covers the whole records and rows there are; the old one stays beside it."""
    sync_grown(folder)
    header = {"state": json.dumps(dict(state)), "covers": json.dumps(_covered(folder, row_bytes))}
    replace_bytes(folder / CHECKPOINT, to_bytes(tensors, header), keep=folder / BEFORE)


def read(folder: Path, row_bytes: int) -> Saved | None:
    """The newest checkpoint that is whole and whose records and rows are there; None without any.

    Args:
        folder: the run's.
        row_bytes: of one row of noise.

    Raises:
        BadFile: there are checkpoints, and none can be gone on from.
    """
    said = ""
    for path in (folder / CHECKPOINT, folder / BEFORE):
        if not path.exists():
            continue
        try:
            saved = _read(path, row_bytes)
        except BadFile as error:
            said = said or str(error)
            continue
        if not said:
            return saved
        path.replace(folder / CHECKPOINT)  # the next one is not to replace this by the bad one
        return saved._replace(note=f"{said}. It goes on from the checkpoint before.")
    if said:
        raise BadFile(f"{said}; delete it to train from the start.")
    return None


def sync_grown(folder: Path) -> None:
    """Waits until records and noise, and their names, are on the disk."""
    for name in (*LINES.values(), *ROWS.values(), ""):
        sync(folder / name)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file that a run appends to, by its name, of those that are there."""
    names = (name for name in (*LINES.values(), *ROWS.values()) if (folder / name).exists())
    return {name: sha256_of(folder / name, MOST_BYTES) for name in names}


def _read(path: Path, row_bytes: int) -> Saved:
    """Raises `BadFile` with a sentence for a checkpoint that cannot be gone on from."""
    where, content = f"{path.name} in {path.parent}", _content(path)
    if not is_whole(content):
        raise BadFile(f"{where} has changed since it was written: its SHA-256 is another")
    try:
        header = header_of(content)
        saved = Saved(_arrays(content), json.loads(header["state"]), json.loads(header["covers"]))
        most = {kind: int(saved.covers.get(kind, 0)) for kind in (*LINES, *ROWS)}  # an earlier version has no steps
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadFile(f"{where} cannot be read ({error})") from None
    found = _covered(path.parent, row_bytes, most)
    for kind, name in {**LINES, **ROWS}.items():
        if found[kind] < most[kind]:
            raise BadFile(f"{where} covers {most[kind]} {kind.replace('_', ' ')}, and {name} has {found[kind]}")
        digest = f"{kind}_sha256"
        if saved.covers.get(digest, found[digest]) != found[digest]:  # of an earlier version there is none
            raise BadFile(f"{name} in {path.parent} has changed since {path.name} was written: its SHA-256 is another")
    return saved


def _arrays(content: bytes) -> Arrays:
    return {name: array.copy() for name, array in load(content).items()}  # what `load` gives cannot be written to


def _covered(folder: Path, row_bytes: int, most: Mapping[str, int] | None = None) -> dict[str, Any]:
    """How many whole lines and rows there are of each kind, at most so many, and the SHA-256 of these."""
    found: dict[str, Any] = {}
    for kind, name in LINES.items():
        lines = _content(folder / name).splitlines(True)[: most[kind] if most else None]
        whole = [line for line in lines if line.endswith(b"\n")]
        found |= {kind: len(whole), f"{kind}_sha256": hashlib.sha256(b"".join(whole)).hexdigest()}
    for kind, name in ROWS.items():
        content = _content(folder / name)
        rows = len(content) // row_bytes
        count = min(most[kind], rows) if most else rows
        digest = hashlib.sha256(memoryview(content)[: count * row_bytes]).hexdigest()
        found |= {kind: count, f"{kind}_sha256": digest}
    return found


def _content(path: Path) -> bytes:
    try:
        with open_plain(path, MOST_BYTES) as file:
            return file.read()
    except FileNotFoundError:
        return b""
