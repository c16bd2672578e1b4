"""Whose turn it is on a device: one training at a time by default, the rest wait in the order of queueing.

A slot is an flock on `<runs_root>/.device-<name>.lock`, which the kernel frees when its holder ends. $SBP_PARALLEL (by
default 1) is the number of slots of a device; each of several GPUs has its own ($SBP_PLACE). A waiting run looks at the
other runs' folders; no process is in charge.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from sbp.runs import models
from sbp.runs.filenames import LOCK, STATUS
from sbp.runs.files import BadFile, Lock, Locked, is_locked
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec import ConfigError

# Which of several GPUs a worker was given: each has slots and a queue of its own.
PLACE_VARIABLE = "SBP_PLACE"
POLL_SECONDS = 0.5
# A queued worker writes its status this often; one that has not for the longer time hangs and is passed over.
_HEARTBEAT_SECONDS, _HUNG_SECONDS = 5.0, 60.0


def parallel() -> int:
    """How many trainings share a device, from $SBP_PARALLEL; raises `ConfigError` when it is no such number.

    >>> parallel()
    1
    """
    text = os.environ.get("SBP_PARALLEL", "").strip() or "1"
    if not (text.isdigit() and int(text) >= 1):
        raise ConfigError(f"SBP_PARALLEL: expected a number of trainings of at least 1, got {text!r}.")
    return int(text)


def gpu_slot() -> str:
    """Which of several GPUs this worker was given, "" for the only one."""
    return os.environ.get(PLACE_VARIABLE, "").strip()


def slot_paths(root: Path, device: str) -> list[Path]:
    """The lock files of a device's slots."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{device} {gpu_slot()}".strip())
    return [root / f".device-{name}{f'-{n}' if n > 1 else ''}.lock" for n in range(1, parallel() + 1)]


def acquire(folder: RunFolder, device: str, stop_asked: Callable[[], bool]) -> Lock | None:
    """Waits until this run is the oldest in the queue and a slot is free; None if a stop comes first."""
    root, told = folder.path.parent, 0.0
    while not stop_asked():
        ahead = runs_ahead(folder, device)
        if not ahead:
            for path in slot_paths(root, device):
                try:
                    return Lock(path, patience=0)
                except Locked:
                    continue
        if time.monotonic() - told > _HEARTBEAT_SECONDS:
            told = time.monotonic()
            folder.write_status(State.QUEUED, _message(device, len(ahead)), device=device)
        time.sleep(POLL_SECONDS)
    return None


def runs_ahead(folder: RunFolder, device: str) -> list[str]:
    """Ids of the living runs that wait for this device and were queued before this one."""
    mine = (float(folder.status.get("queued", 0.0)), folder.id)
    ahead = []
    for path in folder.path.parent.iterdir():
        if path.name.startswith(".") or path == folder.path or not is_locked(path / LOCK):
            continue
        try:
            status = models.STATUS.read(path / STATUS)
            theirs = (float(status.get("queued") or 0.0), path.name)
            silent = time.time() - float(status.get("updated") or 0.0)
        except BadFile:
            continue
        # One that has not found out its device yet may want this one, unless it asked for another by name.
        wants = status.get("device") or status.get("asked_device") or "auto"
        waits = status.get("state") == State.QUEUED and silent < _HUNG_SECONDS
        waits = waits and status.get("place") in (None, gpu_slot())
        if waits and wants in (device, "auto") and theirs < mine:
            ahead.append(path.name)
    return ahead


def _message(device: str, ahead: int) -> str:
    name = "the CPU" if device == "cpu" else device
    if not ahead:
        return f"Waiting for {name}, where another run is training."
    return f"Waiting for {name}; {ahead} run{'' if ahead == 1 else 's'} ahead."
