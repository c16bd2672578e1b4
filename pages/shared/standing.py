"""Where a run that trains stands: its epoch, its step, the time left; and when its first picture comes."""

from __future__ import annotations

import platform

import streamlit as st

from pages.shared import run_picker
from pages.shared.outside import md
from sbp.runs import remote, store
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.viz import labels
from sbp.viz.tables import tables

HUNG_SECONDS = 60  # a worker writes its status several times a second; one silent for so long hangs


def show(run: RunView) -> None:
    """A bar with the sentence beside it."""
    progress = run.progress or {}
    step, steps = progress.get("step", 0), progress.get("steps", 0)
    st.progress(min(step / steps, 1.0) if steps else 0.0, text=said(run))


def said(run: RunView) -> str:
    """A live run in a line of Markdown: its epoch, its step, the time left, the first unit pruned."""
    progress = run.progress
    if run.state is State.QUEUED:
        return f"**Queued.** {_queue(run)}"
    if run.state is State.STARTING or not progress:
        return f"**Starting.** {md(run.message)}"
    phase = labels.PHASES.get(progress["phase"], "Epoch")
    parts = [
        f"**{phase} {progress['epoch']} of {progress['epochs']}**",
        f"step {progress['step']:,} of {progress['steps']:,}",
        f"**{labels.duration(progress['seconds_left'])} left**" if progress["seconds_left"] is not None else "",
        first_prune(run),
        f"NLL now {progress['nll']:.3f}" if progress["nll"] is not None else "",
        lives(run),
        md(remote.trouble()),
    ]
    if run.state is State.STOPPING:
        parts.insert(0, "**Stopping at the next step.**")
    if (silent := run.silent_seconds()) and silent > HUNG_SECONDS:
        parts.append(f"not responding for {labels.duration(silent)}")
    return " · ".join(part for part in parts if part)


def lives(run: RunView) -> str:
    """Where the process that trains it is, in a clause."""
    if run.launcher is None:
        return "on this machine" if run.host in (None, platform.node()) else f"on {md(run.host)}"
    return f"on {md(run.host or 'no machine yet')}, by {md(run.launcher.title())}"


def first_prune(run: RunView) -> str:
    """When the first unit was pruned, or is expected to be; empty for a run without noise."""
    if not run.config.has_noise:
        return ""
    found = tables(run)
    if found.first_pruned is not None:
        return f"first unit pruned at {found.when(found.first_pruned)}"
    progress = run.progress or {}
    if progress.get("phase") == "pretrain":
        return "no pruning before the noise is on"
    seconds = progress.get("seconds_to_first_prune")
    if seconds is None:
        return "first prune not in sight yet"
    return f"first prune in about {labels.duration(seconds)}" if seconds > 0 else "the first unit is being pruned"


def first_picture(run: RunView) -> str:
    """When a page about noise has something to show of a run: as its first epoch with noise ends."""
    progress, schedule = run.progress or {}, run.config.schedule
    before = f", after {schedule.pretrain_epochs} without noise" if schedule.pretrain_epochs else ""
    if not (progress.get("step") and progress.get("steps")):
        return f"The first picture comes when the first epoch ends{before}."
    an_epoch = progress["steps"] / (schedule.pretrain_epochs + schedule.last_epoch)
    left = an_epoch * (schedule.pretrain_epochs + 1) - progress["step"]
    seconds = max(left, 0) * progress["seconds"] / progress["step"]
    return f"The first picture comes in about {labels.duration(seconds)}, when the first epoch ends{before}."


def _queue(run: RunView) -> str:
    if run.handed_over:
        return md(run.message)
    others = [r for r in store.newest_runs(recorded=False) if r.id != run.id and r.state.active]
    before = [r for r in others if r.state is not State.QUEUED or r.queued < run.queued]
    if not before:
        return "Starting the training process."
    names = md(labels.join([run_picker.label(other) for other in before[:3]]))
    return f"{len(before)} run{'' if len(before) == 1 else 's'} ahead: {names}."
