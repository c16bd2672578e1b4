"""Starts, stops and resumes runs as processes of their own, which outlive the tab and the server. No torch.

The worker leads a session of its own, so neither Ctrl-C nor the end of the server's process group reaches
it. The run's lock is taken here and inherited by the worker: at no moment does a living run look lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sbp.runs import remote, store
from sbp.runs.device_queue import PLACE_VARIABLE, joining, parallel
from sbp.runs.filenames import LOCK, LOG, STOP
from sbp.runs.files import Lock, Locked
from sbp.runs.folder import RunFolder
from sbp.runs.limits import read_limits
from sbp.runs.roots import runs_url
from sbp.runs.states import Event, State, TransitionRefused, advance
from sbp.runs.store import BadRequest
from sbp.spec import RunConfig

LOCK_VARIABLE = "SBP_LOCK_FD"
PACK_VARIABLE = "SBP_PACK"
_WORKER = "sbp.worker"
# Requests to stop, which a worker hears only once it can (`sbp.worker.signals`): until then they wait.
HELD_SIGNALS = (signal.SIGTERM, signal.SIGINT)

# Handles of the workers this process started: a child that nobody waits for stays a zombie.
_children: list[subprocess.Popen[bytes]] = []


def start(config: RunConfig, root: Path | None = None) -> str:
    """Creates a run and starts its worker; gives the run's id at once.

    Raises `ConfigError` for a bad $SBP_PARALLEL, what `store.create` raises, and OSError when the folder or the process
    cannot be made.
    """
    return start_pack([config], root)[0]


def start_pack(
    wanted: Sequence[RunConfig | str], root: Path | None = None, together: int = 0, gpu: int | None = None
) -> list[str]:
    """Starts one process for several runs, which on a CUDA device train at once; gives their ids at once.

    wanted: configs of new runs, and ids of runs to be resumed; all ask for the same device. together: how many train
    at once there; 0: all. gpu: which of the visible GPUs is theirs; None leaves it to CUDA.
    Raises as `start` and `resume` do, and ValueError when they ask for different devices; nothing is started then.
    """
    reap()
    slots = parallel(root)
    folders: list[RunFolder] = []
    try:
        for one in wanted:
            folders.append(reopen(one, root) if isinstance(one, str) else store.create(one, root))
        asked = sorted({folder.config.device for folder in folders})
        if len(asked) != 1:
            raise ValueError(f"start_pack: expected runs that ask for one device, got {', '.join(asked) or 'no runs'}.")
    except Exception as error:
        for folder in folders:
            folder.write_status(State.FAILED, f"It was not started, as another run beside it could not be: {error}")
            folder.close()
        raise
    _spawn(folders, slots, together, gpu)
    return [folder.id for folder in folders]


def stop(run_id: str, root: Path | None = None) -> None:
    """Asks a run to stop; it does so at its next step and leaves a checkpoint.

    Raises `UnknownRun`, or `BadRequest` when the run is not queued, starting or running.
    """
    reap()
    view = store.open_run(run_id, root)
    _refuse_recording(view, "stopped")
    if not view.alive:  # one that lives is stopped whatever its files look like
        _check_allowed(view.sound(), Event.ASK_STOP)
    remote.ask_stop(view.folder)
    os.close(os.open(view.folder / STOP, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644))
    if not view.alive:
        with contextlib.suppress(Locked), RunFolder(view.folder) as folder:  # it waits elsewhere, and nobody has it yet
            folder.write_status(State.STOPPED, "Stopped before its first step.")


def resume(run_id: str, root: Path | None = None) -> str:
    """Takes a stopped, failed or lost run up from its last checkpoint, or from the start without one.

    Raises `UnknownRun`, or `BadRequest` when the run cannot be resumed.
    """
    return start_pack([run_id], root)[0]


def attend(folder: RunFolder, place: str) -> None:
    """Starts the worker of a run whose lock `folder` holds, and waits until that process has ended.

    place: whose queue it stands in (`sbp.runs.device_queue`). Raises OSError when the process cannot be made.
    """
    _spawn([folder], parallel(folder.path.parent), place=place).wait()
    reap()


def reopen(run_id: str, root: Path | None = None) -> RunFolder:
    """A run that has ended, put at the end of the queue; its writer holds its lock. Raises as `resume` does."""
    view = store.open_run(run_id, root)
    _refuse_recording(view, "resumed")
    if view.problem:
        raise BadRequest(f"{view.id} cannot be resumed: {view.problem}")
    if view.newer:
        raise BadRequest(f"{view.id} cannot be resumed: {view.newer}")
    if view.config.tracked:
        raise BadRequest(f"{view.id} was trained by a loop that is not ours; run that again.")
    _check_allowed(view, Event.RESUME)
    read_limits(view.folder.parent).check(view.config)
    with joining(view.folder.parent):
        try:
            lock = Lock(view.folder / LOCK)
        except Locked:
            raise BadRequest(f"{view.id} has a living worker; wait for it to end, then resume.") from None
        remote.claim(view.folder)
        folder = RunFolder(view.folder, lock)
        folder.remove(STOP)
        folder.write_queued()
        return folder


def has_workers() -> bool:
    """Whether a worker that this process started is still there."""
    reap()
    return bool(_children)


def reap() -> None:
    """Collects the workers that have ended, so that none stays a zombie; cheap, call it often."""
    for process in list(_children):
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was quicker
                _children.remove(process)


def spawn_command(
    words: Sequence[str], log: Path, lock: Lock | None = None, root: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts `python -m sbp WORDS` beside the page that asks for it, its output in `log`; reaped as workers are.

    lock: one that the process inherits, so that it is held until the process ends. root: the folder of runs, by default
    `runs_root()`. Raises OSError when the process or the log cannot be made.
    """
    reap()
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    environment = {**_library_environment(), "SBP_RUNS": str(root or runs_url() or store.runs_root())}
    return _python(["sbp", *words], log, [lock.descriptor] if lock else [], environment)


def _python(
    words: Sequence[str], log: Path, descriptors: Sequence[int], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Starts `python -m WORDS` in a session of its own, which inherits these descriptors and adds to `log`."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=descriptors,
            env=env,
        )
    _children.append(process)
    return process


def _spawn(
    folders: list[RunFolder], slots: int, together: int = 0, gpu: int | None = None, place: str = ""
) -> subprocess.Popen[bytes]:
    """Starts the worker with the folders' locks and lets go of our own copies of them."""
    descriptors = [folder.lock.descriptor for folder in folders]
    words = [_WORKER, *(str(folder.path) for folder in folders)]
    try:
        with _signals_held():
            environment = _environment(descriptors, slots, together, gpu, place)
            return _python(words, folders[0].path / LOG, descriptors, environment)
    except OSError as error:
        for folder in folders:
            folder.write_status("failed", f"The worker could not be started: {error}.")
        raise
    finally:
        for folder in folders:
            folder.close()


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """A process that is started in here inherits that these signals wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HELD_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _library_environment() -> dict[str, str]:
    """Ours, with the library found from any folder."""
    environment = dict(os.environ)
    library = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [library, environment.get("PYTHONPATH")]))
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _environment(descriptors: list[int], slots: int, together: int, gpu: int | None, place: str = "") -> dict[str, str]:
    """That, with the locks, and one CPU thread a worker when several runs share a device or a machine of several GPUs:
    with all threads each, they stand in each other's way."""
    environment = _library_environment()
    environment[LOCK_VARIABLE] = ",".join(map(str, descriptors))
    if place:
        environment[PLACE_VARIABLE] = place
    if together:
        environment[PACK_VARIABLE] = str(together)
    if gpu is not None:
        visible = [name for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
        environment["CUDA_VISIBLE_DEVICES"] = visible[gpu] if visible else str(gpu)
        environment[PLACE_VARIABLE] = f"gpu-{gpu}"
    if slots > 1 or len(descriptors) > 1 or gpu is not None:
        environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


def _check_allowed(view: store.RunView, event: Event) -> None:
    try:
        advance(view.state, event)
    except TransitionRefused as error:
        raise BadRequest(f"{view.id}: {error}") from None


def _refuse_recording(view: store.RunView, verb: str) -> None:
    if view.recorded:
        raise BadRequest(f"{view.id} is a recorded run that ships with the code; it cannot be {verb}.")
