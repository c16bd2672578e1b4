"""The reading side of a run's folder: what pages and command line know of a run, live or recorded. No torch.

A view is taken at one moment: it reads the small files once, when it is made, and never raises for a corrupt
one (the run then shows as failed, with a sentence naming the file). Take a new one to see what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

from sbp.config import ConfigError, RunConfig
from sbp.networks.specs import SPECS, LayerInfo
from sbp.records import Record
from sbp.runs import format as names
from sbp.runs.files import BadFile, is_locked, read_json
from sbp.runs.growing import grown_records
from sbp.runs.reading import Snapshots, read_snapshots, read_tail, records_problem, scan_folder
from sbp.runs.states import ACTIVE, State

T = TypeVar("T")


class RunView:
    """One run as it lies on disk at this moment.

    id, folder, recorded (ships with the code, nobody writes it), config, state, message, progress (dict or
    None), meta (dict), layers, result (dict or None), device, pid, created, queued and updated (seconds
    since 1970 or None), alive (somebody holds the lock), and `problem`: empty, or a sentence naming the
    corrupt file, in which case state is failed and `config` may be a default one.
    """

    def __init__(self, folder: Path, recorded: bool = False) -> None:
        self.folder = Path(folder)
        self.id = self.folder.name
        self.recorded = recorded
        # The stamp is taken before the contents: it may be older than what was read, never newer.
        self._files = scan_folder(self.folder)
        self.alive = not recorded and is_locked(self.folder / names.LOCK)
        self.problem = ""
        self._config = self._read_config()
        self.meta = self._read(names.META, required=False) or {}
        status = self._read(names.STATUS, required=not recorded) or {}
        if not recorded and not self.alive and status.get("state") in ACTIVE:
            # The worker may have ended, or a resumed one begun, between the two looks: look again.
            self.alive = is_locked(self.folder / names.LOCK)
            status = self._read(names.STATUS, required=True) or {}
        self.result = self._read(names.RESULT, required=False)
        self.layers = self._layers()
        progress = status.get("progress")
        self.progress: dict[str, Any] | None = progress if isinstance(progress, dict) else None
        self.device: str | None = self.meta.get("device") or status.get("device")
        self.queued: float = _number(status.get("queued")) or 0.0
        self.created = _number(self.meta.get("created"))
        self.updated = _number(status.get("updated"))
        self.pid: int | None = status.get("pid")
        self.state, self.message = self._state(status)

    @property
    def config(self) -> RunConfig:
        """What the run was asked to do; the default config when config.json is unreadable (see `problem`)."""
        return self._config or RunConfig()

    @property
    def stamp(self) -> Hashable:
        """Changes whenever anything in the folder changed or its writer came or went: a key for caches."""
        return self.id, self.recorded, self.alive, self._files

    @property
    def data_stamp(self) -> Hashable:
        """Changes with records, snapshots, result, weights, sweep and meta, not with every tick of progress."""
        kept = {names.RECORDS, names.NOISE, names.RESULT, names.MODEL, names.SWEEP, names.META}
        return self.id, self.recorded, tuple(entry for entry in self._files if entry[0] in kept)

    def has(self, name: str) -> bool:
        """Whether the folder held a file of this name."""
        return any(entry[0] == name for entry in self._files)

    @property
    def resumable(self) -> bool:
        """Whether `launcher.resume` would take it."""
        return not self.recorded and self._config is not None and self.state in _RESUMABLE

    @property
    def model_path(self) -> Path | None:
        """Where the weights of the last good epoch are, or None while there are none."""
        return self.folder / names.MODEL if self.has(names.MODEL) else None

    def records(self) -> list[Record]:
        """The scalars of every finished epoch; a cut last line is left out, and all from a corrupt one on."""
        return grown_records(self.folder / names.RECORDS)[0]

    def snapshots(self) -> Snapshots:
        """mu and log sigma of every unit at every epoch; a cut last row is left out."""
        return read_snapshots(self.folder / names.NOISE, self.layers)

    def sweep(self) -> dict[str, Any] | None:
        """What every criterion keeps, costs and gets wrong at every threshold; None where it was not tried or cannot be
        read, which is no `problem` of the run: python -m sbp sweep makes it anew."""
        try:
            return read_json(self.folder / names.SWEEP)
        except BadFile:
            return None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the worker printed, empty where it printed nothing."""
        return read_tail(self.folder / names.LOG, lines)

    def speed(self) -> dict[str, Any] | None:
        """The measured speeds of this moment ("measurements": a list), or None while there are none to be read."""
        from sbp.runs.speed import read_speed

        return read_speed(self)

    def attribution(self) -> dict[str, Any] | None:
        """What gradients say of its pixels and units, or None while nobody has computed it of these weights."""
        from sbp.runs.attributions import read_attribution

        return read_attribution(self)

    def silent_seconds(self) -> float | None:
        """Seconds since the worker last wrote its status; None unless the run is active."""
        return max(0.0, time.time() - self.updated) if self.state in ACTIVE and self.updated else None

    def summary(self) -> dict[str, Any]:
        """The object that the command line prints, for any state; None where a number is not known yet."""
        from sbp.runs.summary import summarise

        return summarise(self)

    def _read(self, name: str, required: bool) -> dict[str, Any] | None:
        if not required and not self.has(name):
            return None
        return self._guarded(lambda: read_json(self.folder / name))

    def _read_config(self) -> RunConfig | None:
        def read() -> RunConfig:
            try:
                return RunConfig.from_dict(read_json(self.folder / names.CONFIG))
            except (ConfigError, TypeError) as error:
                raise BadFile(f"{names.CONFIG} in {self.folder} does not describe a run: {error}") from None

        return self._guarded(read)

    def _layers(self) -> tuple[LayerInfo, ...]:
        def read() -> tuple[LayerInfo, ...]:
            try:
                return names.layers_from_json(self.meta["layers"])
            except (KeyError, TypeError, ValueError) as error:
                raise BadFile(f"{names.META} in {self.folder} does not describe layers: {error!r}.") from None

        layers = self._guarded(read) if "layers" in self.meta else None
        return layers or SPECS[self.config.network].layers(self.config.widths)

    def _guarded(self, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except BadFile as error:
            self.problem = self.problem or str(error)
            return None

    def _state(self, status: dict[str, Any]) -> tuple[State, str]:
        message = str(status.get("message") or "")
        try:
            state = State(str(status.get("state", "finished" if self.recorded else None)))
        except ValueError:
            unknown = f"{names.STATUS} in {self.folder} names no known state, but {status.get('state')!r}."
            self.problem = self.problem or unknown
            return State.FAILED, self.problem
        entry = next((entry for entry in self._files if entry[0] == names.RECORDS), None)
        self.problem = self.problem or records_problem(self.folder / names.RECORDS, entry)
        if self.problem:
            return State.FAILED, self.problem
        if not self.recorded and state in ACTIVE and not self.alive:
            start = "its last checkpoint" if self.has(names.CHECKPOINT) else "the start"
            return State.LOST, f"The worker died while the run was {state}; resume takes it up from {start}."
        if self.has(names.STOP) and state in ACTIVE and state is not State.STOPPING:
            return State.STOPPING, State.STOPPING.sentence
        return state, message or state.sentence


_RESUMABLE = frozenset({State.STOPPED, State.FAILED, State.LOST})


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
