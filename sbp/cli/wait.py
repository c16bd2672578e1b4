"""Waits for the runs of an experiment, and reports their progress on stderr."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import typer

from sbp.cli.errors import INTERRUPTED
from sbp.cli.follow import counted_interrupts
from sbp.cli.output import stderr
from sbp.experiments.running import Job, refresh
from sbp.runs import launcher
from sbp.runs.states import State
from sbp.runs.store import BadRequest

POLL_SECONDS = 0.5
SAY_SECONDS = 20.0


def gather(jobs: Sequence[Job], ids: dict[str, str], root: Path | None = None) -> tuple[list[Job], bool]:
    """Waits until no run is active and no worker is left; returns the jobs as they are then, and whether Ctrl-C came.

    Ctrl-C stops every run after it has saved a checkpoint; a second one stops waiting.
    """
    console, begun = stderr(), time.monotonic()
    told, asked, ended = -SAY_SECONDS, False, {job.title for job in jobs if job.finished}
    with counted_interrupts() as presses:
        while True:
            jobs = refresh(jobs, ids, root)
            if presses() > 1:
                raise typer.Exit(INTERRUPTED)
            if presses() and not asked:
                asked = True
                _stop(jobs, root)
                console.print("Stopping every run after it has saved a checkpoint.")
            for job in jobs:
                if job.view and not job.active and job.title not in ended:
                    ended.add(job.title)
                    console.print(f"{job.title}: {job.view.state}. {job.view.message}", soft_wrap=True)
            if not any(job.active for job in jobs) and not launcher.has_workers():
                return jobs, asked
            now = time.monotonic() - begun
            if now - told >= SAY_SECONDS:
                told = now
                console.print(progress_of(jobs, now), soft_wrap=True)
            time.sleep(POLL_SECONDS)


def progress_of(jobs: Sequence[Job], seconds: float) -> str:
    """The progress of all jobs, and of those that are training, in one line."""
    finished = sum(job.finished for job in jobs)
    training = [job for job in jobs if job.view and job.view.state is State.RUNNING]
    waiting = sum(job.active for job in jobs) - len(training)
    where = []
    for job in training:
        progress = job.view.progress if job.view else None
        if progress:
            left = "" if progress["seconds_left"] is None else f", {progress['seconds_left']:,.0f} s left"
            where.append(f"{job.title} {progress['phase']} {progress['epoch']}/{progress['epochs']}{left}")
    said = f"{seconds:,.0f} s: {finished} of {len(jobs)} finished, {len(training)} training, {waiting} waiting."
    return " ".join([said, *(f"[{one}]" for one in where)])


def _stop(jobs: Sequence[Job], root: Path | None) -> None:
    for job in jobs:
        if job.view and job.active:
            with contextlib.suppress(BadRequest):  # it has just ended
                launcher.stop(job.view.id, root)
