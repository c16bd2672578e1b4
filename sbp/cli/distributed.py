"""train and resume under torchrun: this process is one of several that train one run, and starts none."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import typer

from sbp.cli.errors import WENT_WRONG, BadInput
from sbp.cli.follow import POLL_SECONDS, Watcher, end_with
from sbp.cli.output import stderr
from sbp.machine.distributed import Ranks
from sbp.runs import remote, store
from sbp.runs.filenames import LOG
from sbp.runs.folder import RunFolder
from sbp.runs.states import State


def train_here(open_folder: Callable[[], RunFolder], ranks: Ranks, what: str, detach: bool, as_json: bool) -> None:
    """Trains as one of these ranks; rank 0 opens the run's folder, shows its progress and prints how it ended.

    what: printed after the run's id. Raises `BadInput` with detach, and typer.Exit at a bad end.
    """
    from sbp.worker import distributed  # imports torch, which train and resume need in no other case

    if detach:
        raise BadInput("--detach: expected one process; under torchrun its own processes train the run.")
    if ranks.rank:
        state = distributed.train(None, ranks)
        distributed.leave_at_once(0 if state in (State.FINISHED, State.STOPPED) else WENT_WRONG)
    with (
        open_folder() as folder,
        remote.pushing([folder.path]),
        open(folder.path / LOG, "a", encoding="utf-8") as log,
    ):
        stderr().print(f"Run {folder.id}{what}, by {ranks}.", soft_wrap=True)
        with _watched(folder.id):
            state = distributed.train(folder, ranks, log)
    try:
        end_with(store.open_run(folder.id), False, as_json)
    except typer.Exit as leaving:
        distributed.leave_at_once(leaving.exit_code)


@contextlib.contextmanager
def _watched(run_id: str) -> Iterator[None]:
    """Shows a run while this process trains it."""
    ended = threading.Event()

    def watch() -> None:
        with Watcher(stderr()) as watcher:
            watcher.seen = len(store.open_run(run_id).records())
            while not ended.wait(POLL_SECONDS):
                watcher.show(store.open_run(run_id))
            watcher.show(store.open_run(run_id))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
