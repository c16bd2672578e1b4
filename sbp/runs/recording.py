"""A finished run made small enough to ship with the code: the same folder, with fewer snapshots. No torch."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from sbp.pruning.kept_weights import pack, padded
from sbp.pruning.masks import own_masks
from sbp.runs import filenames as names
from sbp.runs.checkpoint_file import to_bytes
from sbp.runs.files import replace_bytes, write_json
from sbp.runs.graphs import MANY_MACS, make_graph
from sbp.runs.names import BadRequest, checked_name, is_plain
from sbp.runs.states import State
from sbp.runs.store import recorded_root
from sbp.runs.view import RunView
from sbp.spec.fit import noise_arrays

ROWS = 64
# Written afresh for a recorded run. The log, the locks, the checkpoint and the state of the worker stay behind.
_REWRITTEN = {names.META, names.RESULT, names.NOISE, names.STEP_NOISE}


def thinned(epochs: np.ndarray, rows: int = ROWS) -> np.ndarray:
    """Indices of at most `rows` snapshots, evenly spaced in the logarithm of their place: dense where units are pruned.

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
    view: RunView,
    name: str,
    root: Path | None = None,
    rows: int = ROWS,
    weights: bool = True,
    kept_only: bool = False,
) -> Path:
    """Writes a finished run as a recorded run called `name`; gives its folder.

    An older recorded run of that name is moved aside until the new one is whole, then removed; it is back when the
    new one cannot be written.

    Args:
        view: the run.
        name: of the recorded run, `sbp.runs.names.checked_name`.
        root: where it is written; by default where the recorded runs that ship with the code are.
        rows: snapshots that are kept, at most.
        weights: whether it holds the network's, which are most of its size.
        kept_only: whether it holds those of kept units alone; the others are read as 0.

    Raises:
        BadRequest: the run has not finished, the name is none, or what has it is no recorded run.
        OSError: it cannot be written.
    """
    checked_name(name, "a recorded run's name", "Give it one with --name.")
    if view.state is not State.FINISHED or view.problem:
        raise BadRequest(f"Only a finished run can be recorded, and {view.id} is {view.state}. {view.problem}".rstrip())
    root = Path(root or recorded_root())
    final, aside, hidden = root / name, root / f".old-{name}", root / f".new-{name}-{os.getpid()}"
    _recover(final, aside)
    if os.path.lexists(final) and not is_recording(final):
        raise BadRequest(
            f"{final} is there already and is no recorded run: only a folder with {names.CONFIG} and {names.META} is "
            "replaced. Choose another name."
        )
    root.mkdir(parents=True, exist_ok=True)
    hidden.mkdir()
    try:
        _write(view, hidden, name, rows, weights)
        if weights and kept_only:
            _keep_only_kept(view, hidden)
        _put(hidden, final, aside)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return final


def is_recording(folder: Path) -> bool:
    """Whether a folder, not a link to one, holds what every recorded run has: a config and its meta data, as files."""
    return is_plain(folder, stat.S_IFDIR) and all(is_plain(folder / file) for file in (names.CONFIG, names.META))


def _put(hidden: Path, final: Path, aside: Path) -> None:
    """Gives the new folder the name; the old one goes once that is done, and gets its name back when it cannot be."""
    replaces = os.path.lexists(final)
    if replaces:
        final.rename(aside)
    try:
        hidden.rename(final)
    except BaseException:
        if replaces:
            aside.rename(final)
        raise
    if replaces:
        shutil.rmtree(aside, ignore_errors=True)


def _recover(final: Path, aside: Path) -> None:
    """Completes what a process that ended early had begun: the old recorded run gets its name back, or is removed."""
    if not is_recording(aside):
        return
    if os.path.lexists(final):
        shutil.rmtree(aside, ignore_errors=True)
    else:
        aside.rename(final)


def _write(view: RunView, folder: Path, name: str, rows: int, weights: bool) -> None:
    """Fills a recorded run's folder."""
    for file in names.LASTING - _REWRITTEN:
        if view.has(file) and (weights or file != names.MODEL):
            shutil.copyfile(view.folder / file, folder / file, follow_symlinks=False)
    # Where the files lay on the machine that trained is nobody else's business.
    source = str(view.meta.get("data_source", "")).partition(", read from ")[0].rstrip(".")
    write_json(folder / names.META, {**view.meta, "data_source": f"{source}.", "recorded_from": view.id})
    if view.result:
        write_json(folder / names.RESULT, {**view.result, "id": name})
    for file in (names.NOISE, names.STEP_NOISE):
        if view.has(file):  # a method without noise on units has none
            replace_bytes(folder / file, _thinned_rows(view, file, rows))


def _keep_only_kept(view: RunView, folder: Path) -> None:
    """Leaves the weights of kept units alone in model.safetensors, and writes the graph that computes them."""
    if view.model_path is None or not view.config.has_noise:
        raise BadRequest(f"{view.id} has no weights with noise on its units, so there are none of kept units alone.")
    arrays, description, noise = load_file(view.model_path), view.description, view.config.noise
    masks = own_masks(*noise_arrays(description, arrays), description.groups, noise.log_low, noise.log_high)
    replace_bytes(folder / names.MODEL, to_bytes(pack(description, arrays, masks), {}))
    if description.dense_macs() >= MANY_MACS:
        make_graph(description.name, padded(description, masks)[0], folder / names.KEPT_GRAPH)


def _thinned_rows(view: RunView, file: str, rows: int) -> bytes:
    """The chosen rows of a file of noise, bit by bit as they were."""
    width = 1 + 2 * sum(layer.units for layer in view.layers)
    flat = np.fromfile(view.folder / file, dtype="<f4")
    table = flat[: len(flat) // width * width].reshape(-1, width)
    return table[thinned(table[:, 0], rows)].tobytes()
