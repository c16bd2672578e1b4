"""Follows a run to its end: a progress bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from sbp.cli.errors import INTERRUPTED, WENT_WRONG
from sbp.cli.output import describe_run, print_json, stderr
from sbp.runs import launcher, store
from sbp.runs.states import State
from sbp.runs.store import BadRequest, RunView
from sbp.viz.labels import widths

POLL_SECONDS = 0.25


class Watcher:
    """Shows a run's view each time it is given one."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seen = 0
        self.said = ""
        # Together at most 80 columns: a longer line would push the bar out.
        told, note = (TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[note]}"))
        columns = (told, BarColumn(bar_width=16), note)
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task("queued", total=None, note="")

    def __enter__(self) -> Watcher:
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self.bar.stop()

    def show(self, view: RunView) -> None:
        """Moves the bar, or says what is new since the last view."""
        if self.console.is_terminal:
            self._move(view)
        else:
            self._say(view)

    def _move(self, view: RunView) -> None:
        progress = view.progress
        if progress is None or view.state is not State.RUNNING:
            done = self.bar.tasks[0].total if view.state is State.FINISHED else None
            self.bar.update(self.task, description=str(view.state), note=view.message, completed=done)
            return
        records = view.records()
        kept = f"kept {widths(records[-1].kept)} " if records else ""
        prune = progress["seconds_to_first_prune"]
        soon = f"prune in {_clock(prune)} " if prune else ""
        left = "" if progress["seconds_left"] is None else f"{_clock(progress['seconds_left'])} left"
        self.bar.update(
            self.task,
            description=f"{progress['phase']} {progress['epoch']}/{progress['epochs']}",
            completed=progress["step"],
            total=progress["steps"],
            note=f"nll {progress['nll']:.3f} {kept}{soon}{left}",
        )

    def _say(self, view: RunView) -> None:
        records = view.records()
        for record in records[self.seen :]:
            error = record.validation_error_percent
            held_out = "" if error is None else f"validation error {error:.2f} %, "
            self.console.print(
                f"{record.phase} epoch {record.epoch}: nll {record.nll:.4f}, {held_out}"
                f"kept {widths(record.kept)}, {record.seconds:.0f} s",
                soft_wrap=True,
            )
        self.seen = len(records)
        # While it runs, the lines of its epochs are enough.
        if view.state is not State.RUNNING and view.message != self.said:
            self.said = view.message
            self.console.print(f"{view.state}: {view.message}", soft_wrap=True)


@contextlib.contextmanager
def counted_interrupts() -> Iterator[Callable[[], int]]:
    """Counts presses of Ctrl-C, and SIGTERM as one, instead of raising KeyboardInterrupt.

    Python drops an exception that a signal raises inside a callback of its own, as it runs while a module is imported:
    a run would continue although it was asked to stop.
    """
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1

    before = {number: signal.signal(number, count) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def follow(run_id: str, root: Path | None = None) -> tuple[RunView, bool]:
    """Watches until the run is not active; gives its last view and whether Ctrl-C asked it to stop.

    Ctrl-C asks the run to stop and waits for its checkpoint; a second one stops following.
    """
    asked = False
    with counted_interrupts() as presses, Watcher(stderr()) as watcher:
        watcher.seen = len(store.open_run(run_id, root).records())
        while True:
            if presses() > 1:
                raise typer.Exit(INTERRUPTED)
            if presses() and not asked:
                asked = True
                ask_stop(run_id, root)
            view = store.open_run(run_id, root)
            watcher.show(view)
            if not view.state.active:
                launcher.reap()
                return view, asked
            time.sleep(POLL_SECONDS)


def ask_stop(run_id: str, root: Path | None = None) -> None:
    """Asks a run to stop, unless it has just ended."""
    try:
        launcher.stop(run_id, root)
        stderr().print("Stopping the run after it has saved a checkpoint.")
    except BadRequest:
        pass


def follow_to_exit(run_id: str, what: str, detach: bool, as_json: bool) -> None:
    """Follows a run, prints its result, and exits with the code of its end; with detach, says how to look at it alone.

    what: printed after the run's id.
    """
    if detach:
        say_detached(run_id, as_json)
        return
    stderr().print(f"Run {run_id}{what}.", soft_wrap=True)
    end_with(*follow(run_id), as_json)


def end_with(view: RunView, interrupted: bool, as_json: bool) -> None:
    """Prints how a run ended, and exits with the code of its end."""
    run = view.summary()
    if as_json:
        print_json(run)
    else:
        typer.echo(describe_run(run))
    log = view.log_tail(5)
    if view.state in (State.FAILED, State.LOST) and log:
        stderr().print(f"End of log.txt:\n{log}", soft_wrap=True)
    if view.resumable:
        stderr().print(f"Resume it with: python -m sbp resume {view.id}", soft_wrap=True)
    if view.state in (State.FAILED, State.DIVERGED, State.LOST):
        raise typer.Exit(WENT_WRONG)
    if interrupted and view.state is State.STOPPED:
        raise typer.Exit(INTERRUPTED)


def say_detached(run_id: str, as_json: bool) -> None:
    """Prints the run as it is now and how to follow it."""
    run = store.open_run(run_id).summary()
    if as_json:
        print_json(run)
    else:
        look = f"python -m sbp show {run_id}"
        typer.echo(f"{run_id} is {run['state']} in the background; look at it with: {look}")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
