"""Starts, stops and resumes runs as processes of their own, which outlive the tab and the server. No torch.

The worker leads a session of its own, so neither Ctrl-C nor the death of the server's process group reaches
it. The run's lock is taken here and inherited by the worker: at no moment does a living run look lost.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sbp.config import RunConfig
from sbp.runs import store
from sbp.runs.files import Lock, Locked
from sbp.runs.folder import RunFolder
from sbp.runs.format import LOCK, LOG, STOP
from sbp.runs.slots import parallel
from sbp.runs.states import Event, TransitionRefused, advance
from sbp.runs.store import BadRequest

LOCK_VARIABLE = "SBP_LOCK_FD"
_WORKER = "sbp.runs.worker"

# Handles of the workers this process started: a child that nobody waits for stays a zombie.
_children: list[subprocess.Popen[bytes]] = []


def start(config: RunConfig, root: Path | None = None) -> str:
    """Creates a run and starts its worker; gives the run's id at once.

    Raises `ConfigError` for a bad $SBP_PARALLEL and OSError when the folder or the process cannot be made.
    """
    parallel()
    folder = store.create(config, root)
    _spawn(folder)
    return folder.id


def stop(run_id: str, root: Path | None = None) -> None:
    """Asks a run to stop; it does so at its next step and leaves a checkpoint.

    Raises `UnknownRun`, or `BadRequest` when the run is not queued, starting or running.
    """
    reap()
    view = store.open_run(run_id, root)
    _refuse_recording(view, "stopped")
    if not view.alive:
        try:
            advance(view.state, Event.ASK_STOP)
        except TransitionRefused as error:
            raise BadRequest(f"{view.id}: {error}") from None
    (view.folder / STOP).touch()


def resume(run_id: str, root: Path | None = None) -> str:
    """Takes a stopped, failed or lost run up from its last checkpoint, or from the start without one.

    Raises `UnknownRun`, or `BadRequest` when the run cannot be resumed.
    """
    reap()
    parallel()
    view = store.open_run(run_id, root)
    _refuse_recording(view, "resumed")
    try:
        advance(view.state, Event.RESUME)
    except TransitionRefused as error:
        raise BadRequest(f"{view.id}: {error}") from None
    if view.problem:
        raise BadRequest(f"{view.id} cannot be resumed: {view.problem}")
    try:
        lock = Lock(view.folder / LOCK)
    except Locked:
        raise BadRequest(f"{view.id} has a living worker; wait for it to end, then resume.") from None
    folder = RunFolder(view.folder, lock)
    folder.clear_stop()
    folder.write_queued()
    _spawn(folder)
    return view.id


def reap() -> None:
    """Collects the workers that have ended, so that none stays a zombie; cheap, call it often."""
    for process in list(_children):
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was quicker
                _children.remove(process)


def aside(
    words: Sequence[str], log: Path, lock: Lock | None = None, root: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts `python -m sbp WORDS` beside the page that asks for it, its output in `log`; reaped as workers are.

    lock: one that the process inherits, so that it is held until the process ends. root: the folder of runs, by default
    `runs_root()`. Raises OSError when the process or the log cannot be made.
    """
    reap()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "sbp", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=(lock.descriptor,) if lock else (),
            env={**_library_environment(), "SBP_RUNS": str(root or store.runs_root())},
        )
    _children.append(process)
    return process


def _spawn(folder: RunFolder) -> None:
    """Starts the worker with the folder's lock and lets go of our own copy of it."""
    reap()
    descriptor = folder.lock.descriptor
    try:
        with open(folder.path / LOG, "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", _WORKER, str(folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(descriptor,),
                env=_environment(descriptor),
            )
        _children.append(process)
    except OSError as error:
        folder.write_status("failed", f"The worker could not be started: {error}.")
        raise
    finally:
        folder.close()


def _library_environment() -> dict[str, str]:
    """Ours, with the library found from any folder."""
    environment = dict(os.environ)
    library = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [library, environment.get("PYTHONPATH")]))
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _environment(descriptor: int) -> dict[str, str]:
    """That, with the lock, and one thread a worker when several share a device."""
    environment = _library_environment()
    environment[LOCK_VARIABLE] = str(descriptor)
    if parallel() > 1:
        environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


def _refuse_recording(view: store.RunView, verb: str) -> None:
    if view.recorded:
        raise BadRequest(f"{view.id} is a recording that ships with the code; it cannot be {verb}.")
