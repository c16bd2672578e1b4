"""A finished run made small enough to ship with the code: the same folder, with fewer snapshots. No torch."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from sbp.runs import format as names
from sbp.runs.files import replace_bytes, write_json
from sbp.runs.states import State
from sbp.runs.store import BadRequest, recorded_root
from sbp.runs.view import RunView

ROWS = 64
# What a reader needs. The log, the locks, the checkpoint and the state of the worker stay behind.
_COPIED = (names.CONFIG, names.RECORDS, names.MODEL, names.SWEEP, names.SPEED, names.ATTRIBUTION)


def thinned(epochs: np.ndarray, rows: int = ROWS) -> np.ndarray:
    """Indices of at most `rows` snapshots, evenly spaced in the logarithm of their place: dense where units die.

    The first and the last are among them, and so is every one while they are few.

    >>> thinned(np.arange(201), 8).tolist()
    [0, 1, 4, 9, 20, 43, 93, 200]
    """
    count = len(epochs)
    if count <= rows:
        return np.arange(count)
    # Early on the logarithm names the same place more than once: ask for more of them until `rows` differ.
    chosen, asked = np.arange(0), rows
    while True:
        finer = np.unique(np.rint(np.geomspace(1, count, asked)).astype(int)) - 1
        if len(finer) > rows:
            return chosen
        chosen, asked = finer, asked + 1


def record(
    view: RunView, name: str, root: Path | None = None, rows: int = ROWS, weights: bool = True
) -> Path:
    """Writes a finished run as a recording called `name`; an older one of that name is replaced. Gives its folder.

    root: by default where the recordings that ship with the code are. weights: whether it holds the network's, which
    are most of its size. Raises `BadRequest` for a run that has not
    finished.
    """
    if view.state is not State.FINISHED or view.problem:
        raise BadRequest(f"Only a finished run can be recorded, and {view.id} is {view.state}. {view.problem}".rstrip())
    root = Path(root or recorded_root())
    final, hidden = root / name, root / f".new-{name}"
    shutil.rmtree(hidden, ignore_errors=True)
    hidden.mkdir(parents=True)
    for file in _COPIED:
        if view.has(file) and (weights or file != names.MODEL):
            shutil.copyfile(view.folder / file, hidden / file)
    # Where the files lay on the machine that trained is nobody else's business.
    source = str(view.meta.get("data_source", "")).partition(", read from ")[0].rstrip(".")
    write_json(hidden / names.META, {**view.meta, "data_source": f"{source}.", "recorded_from": view.id})
    if view.result:
        write_json(hidden / names.RESULT, {**view.result, "id": name})
    if view.has(names.NOISE):  # a method without noise on units has none
        replace_bytes(hidden / names.NOISE, _thinned_rows(view, rows))
    shutil.rmtree(final, ignore_errors=True)
    hidden.rename(final)
    return final


def _thinned_rows(view: RunView, rows: int) -> bytes:
    """The chosen rows of noise.f32, bit by bit as they were."""
    width = 1 + 2 * sum(layer.units for layer in view.layers)
    flat = np.fromfile(view.folder / names.NOISE, dtype="<f4")
    table = flat[: len(flat) // width * width].reshape(-1, width)
    return table[thinned(table[:, 0], rows)].tobytes()
