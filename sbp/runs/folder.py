"""The writing side of a run's folder, for a worker or a script that records a run. No torch.

The folder is the seam of the house: pages and command line read it (`sbp.runs.view`), whatever process wrote it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from sbp import __version__
from sbp.runs import checkpoint_file, models
from sbp.runs import filenames as names
from sbp.runs.configs import read_config
from sbp.runs.description_model import DESCRIPTION, read_description
from sbp.runs.files import BadFile, Lock, append_bytes, remove_temporaries, replace_bytes, write_json
from sbp.runs.reading import read_snapshots
from sbp.runs.states import ACTIVE, State
from sbp.spec import RunConfig
from sbp.spec.layout import Group
from sbp.spec.records import Progress, Record, Snapshot, StepRecord, StepSnapshot

RESERVE_BYTES = 2**18  # a status and a traceback


class RunFolder:
    """Writes one run's folder and holds its lock, so that readers know the writer lives.

    Raises `Locked` when another process writes this run, and `BadFile` when config.json is missing or unreadable.
    """

    def __init__(self, path: Path, lock: Lock | None = None) -> None:
        self.path = Path(path)
        self.lock = lock or Lock(self.path / names.LOCK)
        self.id = self.path.name
        self.note = ""  # what is to be said of the checkpoint that was read
        self.config: RunConfig = read_config(self.path)
        told = DESCRIPTION.read(self.path / names.DESCRIPTION) if (self.path / names.DESCRIPTION).exists() else None
        self.layers = read_description(self.path, self.config, told).groups
        try:
            self.status = models.STATUS.read(self.path / names.STATUS)
        except BadFile:
            self.status = {}  # it is about to be written

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the lock; an active run that nobody else holds is lost from now on."""
        self.lock.release()

    @property
    def state(self) -> State:
        """The state last written."""
        return State(self.status.get("state", State.QUEUED))

    @property
    def meta(self) -> dict[str, Any]:
        """What meta.json holds; empty while there is none."""
        return models.META.read(self.path / names.META) if (self.path / names.META).exists() else {}

    def write_meta(self, meta: Mapping[str, Any]) -> None:
        """Replaces meta.json; `layers` may be Group or their JSON."""
        values = {"format": names.FORMAT, "sbp": __version__, **meta}
        layers = values.get("layers", self.layers)
        values["layers"] = [it.to_dict() if isinstance(it, Group) else it for it in layers]
        write_json(self.path / names.META, values)

    def write_status(
        self, state: State | str, message: str = "", progress: Progress | None = None, **extra: Any
    ) -> None:
        """Replaces status.json; progress and extra values stay as they were until they are given again."""
        changes: dict[str, Any] = {"state": str(State(state)), "message": message}
        changes |= {"pid": os.getpid(), "machine": platform.node(), "updated": time.time(), **extra}
        if progress is not None:
            # An estimate can overflow; what is not finite is not known.
            changes["progress"] = to_jsonable_python(progress.to_dict(), inf_nan_mode="null")
        self.status |= changes
        if ended := self.state not in ACTIVE:  # what has ended stays so after a power cut, with all its epochs
            checkpoint_file.sync_grown(self.path)
        self.status["sha256"] = checkpoint_file.digests(self.path) if self.state is State.FINISHED else None
        write_json(self.path / names.STATUS, self.status, durable=ended)

    def write_queued(self) -> None:
        """Puts the run at the end of the queue; its worker writes under its own pid from then on."""
        nothing: dict[str, Any] = dict.fromkeys(("pid", "device", "place", "launcher", "host"))
        self.write_status(State.QUEUED, queued=time.time(), asked_device=self.config.device, **nothing)

    def append_record(self, record: Record) -> None:
        """Adds one epoch's scalars as a line of JSON; raises ValueError for one that is not finite."""
        append_bytes(self.path / names.RECORDS, _line(record))

    def append_snapshot(self, snapshot: Snapshot) -> None:
        """Adds one row of little-endian float32: epoch, every loc in layer order, every log_scale."""
        append_bytes(self.path / names.NOISE, self._row(snapshot.epoch, snapshot))

    def append_step(self, snapshot: StepSnapshot) -> None:
        """Adds one of the first steps: where units have noise a row of it, as `append_snapshot`; then its scalars."""
        if snapshot.loc:
            append_bytes(self.path / names.STEP_NOISE, self._row(snapshot.record.step, snapshot))
        append_bytes(self.path / names.STEPS, _line(snapshot.record))

    def _row(self, number: int, snapshot: Snapshot | StepSnapshot) -> bytes:
        parts = [np.array([number])]
        for values in (snapshot.loc, snapshot.log_scale):
            for layer in self.layers:
                part = np.asarray(values[layer.name]).reshape(-1)
                if part.size != layer.units:
                    raise ValueError(f"Snapshot of {layer.name}: expected {layer.units} units, got {part.size}.")
                parts.append(part)
        return np.concatenate(parts).astype("<f4").tobytes()

    def last_snapshot_epoch(self) -> int:
        """The epoch of the last whole row, -1 where there is none."""
        epochs = read_snapshots(self.path / names.NOISE, self.layers).epochs
        return int(epochs[-1]) if len(epochs) else -1

    def write_checkpoint(self, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint: arrays, the JSON-able state, and how much of the growing files it covers.

        All of it is on the disk before the checkpoint is, and the one before it stays (`sbp.runs.checkpoint_file`).
        """
        checkpoint_file.write(self.path, tensors, state, 4 * self._row_floats)

    def read_checkpoint(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Arrays and state of the last checkpoint that is whole, or None; cuts the growing files to what it covers.

        Where that is not the newest, `note` says why.
        Raises `BadFile` when there are checkpoints and none of them is whole.
        """
        saved = checkpoint_file.read(self.path, 4 * self._row_floats)
        self._cut(saved.covers if saved else {})
        self.note = saved.note if saved else ""
        return (saved.tensors, saved.state) if saved else None

    def prepare(self) -> None:
        """Clears what a killed writer left half written, and takes room for the last words on a full disk."""
        remove_temporaries(self.path)
        replace_bytes(self.path / names.RESERVE, os.urandom(RESERVE_BYTES), durable=False)

    def remove(self, name: str) -> None:
        """Deletes a file, if it is there: a checkpoint that nobody needs, an old sweep, a request to stop."""
        (self.path / name).unlink(missing_ok=True)

    def write_model(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Replaces model.safetensors: the network's weights and noise at the last good epoch."""
        header = {"network": self.config.network.name, "widths": json.dumps(self.config.network.widths), "run": self.id}
        replace_bytes(self.path / names.MODEL, checkpoint_file.to_bytes(tensors, header))

    def write_graph(self, content: bytes) -> None:
        """Replaces network.onnx: the graph that `sbp.export.graph.graph_bytes` made of the network."""
        replace_bytes(self.path / names.GRAPH, content)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Replaces result.json, the object that the command line prints; id comes first."""
        write_json(self.path / names.RESULT, {"id": self.id, **result})

    def write_sweep(self, sweep: Mapping[str, Any]) -> None:
        """Replaces sweep.json, what `sbp.evaluation.sweep` found; a number in it that is not finite is an error."""
        content = json.dumps(dict(sweep), allow_nan=False)
        replace_bytes(self.path / names.SWEEP, f"{content}\n".encode())

    @property
    def gone(self) -> bool:
        """Whether somebody deleted the folder while it is written: from then on another may write in its place."""
        return not self.lock.is_of(self.path / names.LOCK)

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked this run to stop."""
        return (self.path / names.STOP).exists()

    @property
    def _row_floats(self) -> int:
        return 1 + 2 * sum(layer.units for layer in self.layers)

    def _cut(self, covers: Mapping[str, Any]) -> None:
        """Keeps so many lines and rows of the growing files, none of one that is not named."""
        for kind, file in checkpoint_file.LINES.items():
            path = self.path / file
            if path.exists():
                found = path.read_bytes().splitlines(True)[: int(covers.get(kind, 0))]
                replace_bytes(path, b"".join(line for line in found if line.endswith(b"\n")))
        for kind, file in checkpoint_file.ROWS.items():
            path = self.path / file
            if path.exists():
                rows = min(int(covers.get(kind, 0)), path.stat().st_size // (4 * self._row_floats))
                descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    os.ftruncate(descriptor, rows * 4 * self._row_floats)
                finally:
                    os.close(descriptor)


def _line(record: Record | StepRecord) -> bytes:
    return f"{json.dumps(record.to_dict(), allow_nan=False)}\n".encode()
