"""The reading side of a run's folder: what pages and command line know of a run, live or recorded. No torch.

A view is taken at one moment: it reads the small files once, when it is made, and never raises for a corrupt one
(the run then shows as failed, with a sentence that names the file). Take a new one to see what has changed since.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sbp.config import ConfigError, RunConfig
from sbp.networks.specs import SPECS, LayerInfo
from sbp.records import Record
from sbp.runs import folder as names
from sbp.runs.files import BadFile, is_locked, read_json
from sbp.runs.states import ACTIVE, State

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshots:
    """mu and log sigma of every unit through time: epochs [E] (int), loc and log_scale by layer name [E, units]."""

    epochs: np.ndarray
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.epochs)


class RunView:
    """One run as it lies on disk at this moment.

    id, folder, recorded (ships with the code, nobody writes it), config, state, message, progress (dict or None),
    meta (dict), layers, result (dict or None), `created` and `updated` (seconds since 1970 or None), and `problem`:
    empty, or a sentence naming the corrupt file, in which case state is failed and `config` may be a default one.
    """

    def __init__(self, folder: Path, recorded: bool = False) -> None:
        self.folder = Path(folder)
        self.id = self.folder.name
        self.recorded = recorded
        # The stamp is taken before the contents: it may be older than what was read, never newer.
        self._files = _scan(self.folder)
        self.alive = not recorded and is_locked(self.folder / names.LOCK)
        self.problem = ""
        self._config = self._read_config()
        self.meta = self._read(names.META, required=False) or {}
        status = self._read(names.STATUS, required=not recorded) or {}
        self.result = self._read(names.RESULT, required=False)
        self.layers = self._layers()
        self.progress: dict[str, Any] | None = status.get("progress")
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
        """Changes when a record, a snapshot, the result or the weights changed, not with every tick of progress."""
        kept = {names.RECORDS, names.NOISE, names.RESULT, names.MODEL, names.META}
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
        return _parse_records(self.folder / names.RECORDS)[0]

    def snapshots(self) -> Snapshots:
        """mu and log sigma of every unit at every epoch; a cut last row is left out."""
        units = [layer.units for layer in self.layers]
        width = 1 + 2 * sum(units)
        try:
            flat = np.fromfile(self.folder / names.NOISE, dtype="<f4")
        except OSError:
            flat = np.zeros(0, dtype="<f4")
        rows = flat[: len(flat) // width * width].reshape(-1, width)
        edges = np.cumsum([1, *units, *units])
        parts = [rows[:, start:end] for start, end in zip(edges[:-1], edges[1:], strict=True)]
        keys = [layer.name for layer in self.layers]
        return Snapshots(
            rows[:, 0].astype(np.int64),
            dict(zip(keys, parts[: len(keys)], strict=True)),
            dict(zip(keys, parts[len(keys) :], strict=True)),
        )

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what the worker printed, empty where it printed nothing."""
        try:
            with open(self.folder / names.LOG, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 400 * lines))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

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
                raise BadFile(f"{names.META} in {self.folder} does not describe the layers: {error!r}.") from None

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
            default = State.FINISHED if self.recorded else None
            state = State(status.get("state", default))
        except ValueError:
            written = status.get("state")
            self.problem = self.problem or f"{names.STATUS} in {self.folder} names no known state, but {written!r}."
            return State.FAILED, self.problem
        self.problem = self.problem or _records_problem(self.folder / names.RECORDS, self._entry(names.RECORDS))
        if self.problem:
            return State.FAILED, self.problem
        if not self.recorded and state in ACTIVE and not self.alive:
            return State.LOST, f"The worker died while the run was {state}. {State.LOST.sentence}"
        if self.has(names.STOP) and state in ACTIVE and state is not State.STOPPING:
            return State.STOPPING, State.STOPPING.sentence
        return state, message or state.sentence

    def _entry(self, name: str) -> Hashable:
        return next((entry for entry in self._files if entry[0] == name), None)


_RESUMABLE = frozenset({State.STOPPED, State.FAILED, State.LOST})


def _scan(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, modification time and size of every file, the hidden temporary ones left out."""
    entries = []
    try:
        with os.scandir(folder) as scan:
            for entry in scan:
                try:
                    facts = entry.stat()
                except OSError:
                    continue  # replaced between the listing and the look
                if not entry.name.startswith("."):
                    entries.append((entry.name, facts.st_mtime_ns, facts.st_size))
    except OSError:
        pass
    return tuple(sorted(entries))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _parse_records(path: Path) -> tuple[list[Record], str]:
    """The records up to the first bad line, and a sentence about that line or an empty one."""
    records: list[Record] = []
    try:
        lines = path.read_bytes().splitlines(True)
    except OSError:
        return records, ""
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break  # cut: the writer died, or is writing it now
        try:
            records.append(Record.from_dict(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            return records, f"{path.name} in {path.parent} cannot be read from line {number} on: {error}."
    return records, ""


@lru_cache(maxsize=512)
def _records_problem(path: Path, entry: Hashable) -> str:
    """The sentence alone, remembered by the file's time and size, so that a long list of runs stays cheap."""
    return "" if entry is None else _parse_records(path)[1]
