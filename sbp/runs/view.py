"""The reading side of a run's folder: what pages and command line know of a run, live or recorded. No torch.

A view is taken at one moment: it reads the small files once, when it is made, and never raises for a corrupt
one (the run then shows as failed, with a sentence naming the file). Take a new one to see what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

from sbp import __version__
from sbp.runs import filenames as names
from sbp.runs import models
from sbp.runs.attributions import read_attribution
from sbp.runs.configs import MOST_UNITS, mismatch, read_config
from sbp.runs.files import is_locked
from sbp.runs.incremental import read_new_records
from sbp.runs.names import BadRequest
from sbp.runs.plain_files import LARGE, BadFile, not_plain, read_json, read_plain
from sbp.runs.reading import (
    Snapshots,
    changed_problem,
    heard_of,
    read_snapshots,
    read_tail,
    records_problem,
    remembered,
    remembered_config,
    remembered_description,
    rows_problem,
    scan_folder,
)
from sbp.runs.speed import read_speed
from sbp.runs.states import ACTIVE, TRANSITIONS, Event, State
from sbp.runs.summary import summarise
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.layout import Group
from sbp.spec.networks import description_of
from sbp.spec.records import Record, StepRecord

T = TypeVar("T")
MOST_WORDS = 800  # characters of a problem


class RunView:
    """One run as it lies on disk at this moment.

    id, folder, recorded (ships with the code, nobody writes it), taken (when it was read, by the monotonic clock),
    config, state, message, progress (dict or None), meta (dict), layers, result (dict or None), device, pid, created,
    queued and updated (seconds since 1970 or None), launcher and host (`sbp.runs.launchers`: who started it, on which
    machine; None: a process beside the pages), alive (somebody holds the lock), and `problem`: empty, or a sentence
    naming the file that cannot be read or says what cannot be, in which case state is failed. Whatever a file does to
    its reader becomes the problem; making a view never raises.
    """

    def __init__(self, folder: Path, recorded: bool = False) -> None:
        self.folder, self.recorded, self.taken = Path(folder), recorded, time.monotonic()
        self.id = self.folder.name
        # The stamp is taken before the contents: it may be older than what was read, never newer.
        self._files = scan_folder(self.folder)
        self._entries = {entry.name: entry for entry in self._files}
        self.alive = not recorded and is_locked(self.folder / names.LOCK)
        self.problem = self._foreign()
        self._config = self._read_config()
        self.meta = self._read(models.META, names.META) or {}
        status = self._read_status()
        if not recorded and not self.alive and status.get("state") in ACTIVE:
            # The worker may have ended, or a resumed one begun, between the two looks: look again.
            self.alive, status = is_locked(self.folder / names.LOCK), self._read_status()
            self.alive = self.alive or heard_of(status, self.folder)
        self.result = self._read(models.RESULT, names.RESULT)
        self._description = self._read_description()
        self.layers = self._layers()
        self.progress: dict[str, Any] | None = status.get("progress")
        self.device: str | None = self.meta.get("device") or status.get("device")
        self.queued: float = status.get("queued") or 0.0
        self.created: float | None = self.meta.get("created")
        self.updated: float | None = status.get("updated")
        self.pid: int | None = status.get("pid")
        self.launcher: str | None = status.get("launcher")
        self.host: str | None = status.get("host" if self.launcher else "machine")
        self.state, self.message = self._state(status)

    @property
    def config(self) -> RunConfig:
        """What the run was asked to do. Raises `BadFile` with `problem` when config.json cannot be read: no default
        stands in for it."""
        if self._config is None:
            raise BadFile(self.problem)
        return self._config

    @property
    def description(self) -> Description:
        """What its network is: groups of units, layers of weights, MACs. Raises `BadFile` as `config` does."""
        if self._description is None:
            raise BadFile(self.problem)
        return self._description

    @property
    def described(self) -> bool:
        """Whether its config and what its network is could be read."""
        return self._description is not None

    @property
    def newer(self) -> str:
        """The sentence for a folder in a later format than this version's, empty for any other."""
        try:
            told = read_json(self.folder / names.META)
        except BadFile:
            return ""
        if not isinstance(told.get("format"), int) or told["format"] <= names.FORMAT:
            return ""
        return (
            f"It was written by sbp {told.get('sbp', 'a later version')!s:.40} in format {told['format']}; "
            f"this is sbp {__version__}, which reads format {names.FORMAT}: update it."
        )

    def sound(self) -> RunView:
        """The view itself; raises `BadRequest` with the run's problem where it has one."""
        if self.problem:
            raise BadRequest(f"{self.id}: {self.problem}")
        return self

    @property
    def stamp(self) -> Hashable:
        """Changes whenever anything in the folder changed or its writer came or went: a key for caches."""
        return self.id, self.recorded, self.alive, self._files

    @property
    def data_stamp(self) -> Hashable:
        """Changes with records, snapshots, result, weights, sweep and meta, not with every tick of progress."""
        kept = {*names.GROWING, names.RESULT, names.MODEL, names.SWEEP, names.META}
        return self.id, self.recorded, tuple(entry for entry in self._files if entry.name in kept)

    def has(self, name: str) -> bool:
        """Whether the folder had a plain file of this name."""
        return name in self._entries and not self._entries[name].kind

    @property
    def resumable(self) -> bool:
        """Whether `launcher.resume` would take it."""
        return not (self.recorded or self.problem or self.config.tracked) and Event.RESUME in TRANSITIONS[self.state]

    @property
    def handed_over(self) -> bool:
        """Whether it waits for a launcher elsewhere to begin with it: nobody holds its lock, and it is not lost."""
        return self.state is State.QUEUED and not self.alive

    @property
    def model_path(self) -> Path | None:
        """Where the weights of the last good epoch are, or None while there are none."""
        return self.folder / names.MODEL if self.has(names.MODEL) else None

    def records(self) -> list[Record]:
        """The scalars of every finished epoch; a cut last line is left out, and all from a corrupt one on."""
        return read_new_records(self.folder / names.RECORDS, self._units)[0]

    def snapshots(self) -> Snapshots:
        """mu and log sigma of every unit at every epoch; a cut last row is left out, and all from a corrupt one on."""
        return read_snapshots(self.folder / names.NOISE, self.layers)

    def step_records(self) -> list[StepRecord]:
        """The scalars of the first steps of each phase; none of a run of an earlier version."""
        return read_new_records(self.folder / names.STEPS, self._units, models.STEP_RECORD)[0]

    def step_snapshots(self) -> Snapshots:
        """mu and log sigma of every unit after these steps, whose numbers are its `epochs`, where units had noise."""
        return read_snapshots(self.folder / names.STEP_NOISE, self.layers)

    def sweep(self) -> dict[str, Any] | None:
        """What every criterion keeps, costs and gets wrong at every threshold; None where it was not tried or cannot be
        read, which is no `problem` of the run: python -m sbp sweep writes it again."""
        try:
            return read_json(self.folder / names.SWEEP, LARGE)
        except BadFile:
            return None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the worker printed, empty where it printed nothing."""
        return read_tail(self.folder / names.LOG, lines)

    def speed(self) -> dict[str, Any] | None:
        """The measured speeds of this moment ("measurements": a list), or None while there are none to be read."""
        return read_speed(self)

    def attribution(self) -> dict[str, Any] | None:
        """The attributions of its pixels and units, or None where they are not computed for these weights."""
        return read_attribution(self)

    def silent_seconds(self) -> float | None:
        """Seconds since the worker last wrote its status; None unless the run is active."""
        return max(0.0, time.time() - self.updated) if self.state in ACTIVE and self.updated else None

    def summary(self) -> dict[str, Any]:
        """The object that the command line prints, for any state; None where a number is not known yet."""
        return summarise(self)

    @property
    def _units(self) -> tuple[int, ...]:
        return tuple(layer.units for layer in self.layers)

    def _foreign(self) -> str:
        """The sentence for a name of ours that is no plain file."""
        entry = next((entry for entry in self._files if entry.kind and entry.name in names.FILES), None)
        return str(not_plain(self.folder / entry.name, entry.kind)) if entry else ""

    def _read(self, kind: models.Kind, name: str) -> dict[str, Any] | None:
        entry = self._entries.get(name)
        return self._guarded(lambda: remembered(kind, self.folder / name, entry)) if entry else None

    def _read_status(self) -> dict[str, Any]:
        """What status.json says now; the worker replaces it several times a second, so it is not remembered."""
        if self.recorded and names.STATUS not in self._entries:
            return {"state": State.FINISHED}
        return self._guarded(self._told_status) or {}

    def _told_status(self) -> dict[str, Any]:
        path = self.folder / names.STATUS
        try:
            return models.STATUS.read(path)
        except BadFile:
            # A living writer does not wait for the disk at each status: nothing, or zeros, is what a power cut leaves.
            if names.STATUS in self._entries and not read_plain(path).strip(b"\0"):
                return {"state": State.RUNNING}
            raise

    def _read_config(self) -> RunConfig | None:
        entry = self._entries.get(names.CONFIG)
        return self._guarded(lambda: remembered_config(self.folder, entry) if entry else read_config(self.folder))

    def _read_description(self) -> Description | None:
        """What its network is; None where that cannot be read."""
        config, entry = self._config, self._entries.get(names.DESCRIPTION)
        if config is None:
            return None
        found = self._guarded(lambda: remembered_description(self.folder, config, entry))
        return found if found or config.tracked else description_of(config.network)

    def _layers(self) -> tuple[Group, ...]:
        """The noise layers: those that meta.json describes, else those of its network; none of an unreadable one."""
        if self._config is None or self._description is None:
            return ()
        own, told = self.description.groups, self.meta.get("layers")
        layers = own if told is None else self._guarded(lambda: names.layers_from_json(told)) or own
        if layers != own and self.meta.get("network") == self._config.network.name:
            self.problem = self.problem or (
                f"{names.META} in {self.folder} describes other noise layers than those of "
                f"{self._config.network.name} in {names.CONFIG}; one of the two is another run's."
            )
        if sum(layer.units for layer in layers) > MOST_UNITS:
            self.problem = self.problem or (
                f"{names.META} in {self.folder} describes layers of more than {MOST_UNITS:,} units in all."
            )
        return layers

    def _guarded(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except BadFile as error:
            self.problem = self.problem or _cut(str(error))
        except Exception as error:  # nothing that one run's files do may take the list of all runs down
            self.problem = self.problem or f"{self.folder} cannot be read ({type(error).__name__}: {error!s:.200})."
        return None

    def _state(self, status: dict[str, Any]) -> tuple[State, str]:
        units, folder, entries = self._units, self.folder, self._entries
        sealed = tuple((it, sha) for it, sha in (status.get("sha256") or {}).items() if it in names.GROWING)
        for find in (
            lambda: mismatch(self.result or {}, self.config, self.description, self.layers, self.folder),
            lambda: records_problem(folder / names.RECORDS, entries.get(names.RECORDS), units),
            lambda: rows_problem(folder / names.NOISE, entries.get(names.NOISE), units),
            lambda: records_problem(folder / names.STEPS, entries.get(names.STEPS), units, models.STEP_RECORD),
            lambda: rows_problem(folder / names.STEP_NOISE, entries.get(names.STEP_NOISE), units, "a step"),
            lambda: changed_problem(folder, sealed, *(it for it in self._files if it.name in names.GROWING)),
        ):
            self.problem = self.problem or self._guarded(find) or self.problem
        if self.problem:
            self.problem = _cut(" ".join(filter(None, [self.newer, self.problem])))
            return State.FAILED, self.problem
        state, message = State(status["state"]), str(status.get("message") or "")
        waits_elsewhere = state is State.QUEUED and self.launcher is not None and self.host is None
        if not self.recorded and state in ACTIVE and not self.alive and not waits_elsewhere:
            if self.config.tracked:
                return State.LOST, "The process of its training loop ended without a message."
            start = "its last checkpoint" if self.has(names.CHECKPOINT) else "the start"
            said = f"The worker ended unexpectedly while the run was {state}; it can be resumed from {start}."
            return State.LOST, said
        if self.has(names.STOP) and state in ACTIVE and state is not State.STOPPING:
            return State.STOPPING, State.STOPPING.sentence
        return state, message or state.sentence


def _cut(sentence: str) -> str:
    """The sentence on one line, without the middle of a long one, which quotes what a file holds."""
    flat = " ".join(sentence.split())
    return flat if len(flat) <= MOST_WORDS else f"{flat[: MOST_WORDS - 100]} … {flat[-60:]}"
