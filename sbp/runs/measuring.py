"""Measures a run in a process of its own, one at a time on a machine's folder of runs. No torch.

Two measurements would slow each other down, so the first holds a lock, which its process inherits and the kernel drops
with it. What is measured is written by that process: `sweep.json` or `speed.json`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from sbp.runs import launcher, store
from sbp.runs.files import BadFile, Lock, Locked, is_locked
from sbp.runs.models import CURRENT
from sbp.runs.reading import read_tail
from sbp.runs.store import BadRequest

# What can be measured, and the command that does it.
COMMANDS = {
    "speed": ("bench", "compact"),
    "speed-gpu": ("bench", "compact", "--device", "cuda"),
    "sweep": ("sweep",),
}


@dataclass(frozen=True)
class Measurement:
    """One that goes on: what, of which run, since when (seconds since 1970)."""

    what: str
    run: str
    since: float


def start(what: str, run_id: str, root: Path | None = None) -> None:
    """Starts a measurement (one of `COMMANDS`) of a run and returns at once.

    Raises `UnknownRun`, `BadRequest` while another goes on, and OSError when no process can be started.
    """
    view = store.open_run(run_id, root).sound()
    place = _place(root)
    place.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(place / "lock", patience=0.1)
    except Locked:
        raise BadRequest(
            "Another measurement is going on; two would slow each other down. Wait for it to end."
        ) from None
    try:
        said = {"what": what, "run": view.id, "since": time.time()}
        (place / "current.json").write_text(json.dumps(said), encoding="utf-8")
        launcher.spawn_command((*COMMANDS[what], view.id), place / f"{what}-{view.id}.log", lock, root)
    finally:
        lock.release()


def current(root: Path | None = None) -> Measurement | None:
    """The measurement that goes on, None when none does."""
    place = _place(root)
    if not is_locked(place / "lock"):
        return None
    try:
        said = CURRENT.read(place / "current.json")
        return Measurement(said["what"], said["run"], said["since"])
    except BadFile:
        return Measurement("", "", time.time())  # its lock is held, its name not written yet


def last_words(what: str, run_id: str, root: Path | None = None) -> str:
    """The last lines that a measurement printed."""
    return read_tail(_place(root) / f"{what}-{run_id}.log", 3).strip()


def _place(root: Path | None) -> Path:
    return Path(root or store.runs_root()) / ".measuring"
