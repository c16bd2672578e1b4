"""Whose turn it is on a device: one training at a time by default, the rest wait in the order of queueing.

A slot is an flock on `<runs_root>/.device-<name>.lock`, which the kernel frees when its holder ends. $SBP_PARALLEL (by
default 1, or what `sbp.toml` says) is the number of slots of a device; each of several GPUs has its own ($SBP_PLACE).
A waiting run looks at the folders of those that were queued before it; no process is in charge.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from sbp.runs import models
from sbp.runs.filenames import LOCK, STATUS
from sbp.runs.files import BadFile, Lock, Locked, is_locked
from sbp.runs.folder import RunFolder
from sbp.runs.limits import read_limits
from sbp.runs.names import BadRequest
from sbp.runs.reading import HUNG_SECONDS
from sbp.runs.states import State
from sbp.spec import ConfigError

# Which of several GPUs a worker was given: each has slots and a queue of its own.
PLACE_VARIABLE = "SBP_PLACE"
POLL_SECONDS = 0.5
# A queued worker writes its status this often; one that has not for `HUNG_SECONDS` hangs and is passed over.
_HEARTBEAT_SECONDS = 5.0
# Of the threads of a server one at a time counts the queue and joins it.
_JOINING = threading.Lock()


def parallel(root: Path | None = None) -> int:
    """How many trainings share a device: $SBP_PARALLEL, else what the owner's file says, else 1.

    Args:
        root: the folder of the runs, by default `runs_root()`.

    Raises:
        ConfigError: the variable is no such number, or above what the owner allows; or the file cannot be read.

    >>> parallel()
    1
    """
    most = read_limits(root).parallel
    text = os.environ.get("SBP_PARALLEL", "").strip() or str(most or 1)
    if not (text.isdigit() and int(text) >= 1):
        raise ConfigError(f"SBP_PARALLEL: expected a number of trainings of at least 1, got {text!r}.")
    if most and int(text) > most:
        raise ConfigError(f"SBP_PARALLEL: expected at most {most} trainings at once on this server, got {text}.")
    return int(text)


def gpu_slot() -> str:
    """Which of several GPUs this worker was given, "" for the only one."""
    return os.environ.get(PLACE_VARIABLE, "").strip()


def slot_paths(root: Path, device: str) -> list[Path]:
    """The lock files of a device's slots."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{device} {gpu_slot()}".strip())
    return [root / f".device-{name}{f'-{n}' if n > 1 else ''}.lock" for n in range(1, parallel(root) + 1)]


def acquire(folder: RunFolder, device: str, stop_asked: Callable[[], bool]) -> Lock | None:
    """Waits until this run is the oldest in the queue and a slot is free; None if a stop comes first."""
    slots, told = slot_paths(folder.path.parent, device), 0.0
    ahead = runs_ahead(folder, device)
    counted = time.monotonic()
    while not stop_asked():
        # Whoever joins stands behind it, so of all runs those that were ahead are enough; and until the oldest of them
        # has its turn, the others matter for the number alone, which is counted the less often the longer it takes.
        if time.monotonic() - counted > POLL_SECONDS * len(ahead):
            ahead, counted = runs_ahead(folder, device, ahead), time.monotonic()
        while ahead and not runs_ahead(folder, device, ahead[:1]):
            del ahead[0]
        if not ahead:
            for path in slots:
                try:
                    return Lock(path, patience=0)
                except Locked:
                    continue
        if time.monotonic() - told > _HEARTBEAT_SECONDS:
            told = time.monotonic()
            folder.write_status(State.QUEUED, _message(device, len(ahead)), device=device)
        time.sleep(POLL_SECONDS)
    return None


@contextlib.contextmanager
def joining(root: Path) -> Iterator[None]:
    """Adds a run to the queue in here; raises `BadRequest` when it is as long as the owner allows.

    Two processes that add one at the same moment may make it longer by one.
    """
    with _JOINING:
        most, waiting = read_limits(root).queue, _waiting(root)
        if waiting >= most:
            raise BadRequest(
                f"The queue: expected at most {most:,} waiting run{'' if most == 1 else 's'} on this server, and "
                f"{waiting:,} wait{'s' if waiting == 1 else ''}. Try again when one has started."
            )
        yield


def _waiting(root: Path) -> int:
    """How many living runs of a folder are queued."""
    count = 0
    for name in _told_lately(root):
        if is_locked(root / name / LOCK):
            with contextlib.suppress(BadFile):
                count += models.STATUS.read(root / name / STATUS).get("state") == State.QUEUED
    return count


def _told_lately(root: Path) -> Iterator[str]:
    """Names of the folders in which a file was replaced in the last `HUNG_SECONDS`, as a waiting run's status is."""
    since = time.time() - HUNG_SECONDS
    with os.scandir(root) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # gone, or a link to nothing
                if not entry.name.startswith(".") and entry.stat().st_mtime > since:
                    yield entry.name


def runs_ahead(folder: RunFolder, device: str, among: Sequence[str] | None = None) -> list[str]:
    """Ids of the living runs that wait for this device and were queued before this one, oldest first.

    among: those that are looked at; None: all of the folder of runs.
    """
    root, mine = folder.path.parent, (float(folder.status.get("queued", 0.0)), folder.id)
    ahead = []
    for name in _told_lately(root) if among is None else among:
        if name == folder.id or not is_locked(root / name / LOCK):
            continue
        try:
            status = models.STATUS.read(root / name / STATUS)
            theirs = (float(status.get("queued") or 0.0), name)
            silent = time.time() - float(status.get("updated") or 0.0)
        except BadFile:
            continue
        # One that has not found out its device yet may want this one, unless it asked for another by name.
        wants = status.get("device") or status.get("asked_device") or "auto"
        waits = status.get("state") == State.QUEUED and silent < HUNG_SECONDS
        waits = waits and status.get("place") in (None, gpu_slot())
        if waits and wants in (device, "auto") and theirs < mine:
            ahead.append(theirs)
    return [name for _, name in sorted(ahead)]


def _message(device: str, ahead: int) -> str:
    name = "the CPU" if device == "cpu" else device
    if not ahead:
        return f"Waiting for {name}, where another run is training."
    return f"Waiting for {name}; {ahead} run{'' if ahead == 1 else 's'} ahead."
