"""A network's noise as one file: mu and log sigma of every group, and what the network is. Nothing in it is executed.

The file is a safetensors file: a float32 vector "GROUP.loc" and "GROUP.log_scale" for each group, and in its header the
format, a, b and the description of the network. No torch.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from sbp.runs import checkpoint_file
from sbp.runs.configs import MOST_UNITS
from sbp.runs.description_model import DESCRIPTION
from sbp.runs.names import BadRequest
from sbp.runs.roots import runs_root
from sbp.runs.states import State
from sbp.runs.store import create_at
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.networks import OWN
from sbp.spec.noise import FAR
from sbp.spec.ranges import NOISE, is_noise
from sbp.spec.records import Snapshot
from sbp.spec.seal import header_of, is_whole

FORMAT = "sbp-noise-1"
KINDS = ("loc", "log_scale")


def to_bytes(description: Description, snapshot: Snapshot, log_low: float, log_high: float) -> bytes:
    """The file of a network's noise at one moment; log_low, log_high: a and b of every unit, in nats."""
    parts: dict[str, Mapping[str, Any]] = {"loc": snapshot.loc, "log_scale": snapshot.log_scale}
    tensors = {
        f"{group.name}.{kind}": np.asarray(parts[kind][group.name], dtype=np.float32)
        for group in description.groups
        for kind in KINDS
    }
    told = {"format": FORMAT, "a": repr(log_low), "b": repr(log_high), "description": json.dumps(description.to_dict())}
    return checkpoint_file.to_bytes(tensors, told)


def of_run(run: RunView) -> bytes:
    """The file of a run's noise at its newest snapshot; raises `BadRequest` where it has none."""
    snapshots = run.snapshots()
    if not len(snapshots):
        raise BadRequest(f"{run.id} has no mu and log sigma yet.")
    last = [{name: rows[-1] for name, rows in kind.items()} for kind in (snapshots.loc, snapshots.log_scale)]
    noise = run.config.noise
    return to_bytes(run.description, Snapshot(int(snapshots.epochs[-1]), *last), noise.log_low, noise.log_high)


def from_bytes(content: bytes) -> tuple[Description, Snapshot, float, float]:
    """Reads what `to_bytes` gave.

    Returns:
        The description of the network, its noise, a and b.

    Raises:
        BadRequest: it is no such file, or its numbers fit no network; the sentence says what was expected.
    """
    try:
        tensors = load(content)
        told = header_of(content)
        form, low, high = told["format"], float(told["a"]), float(told["b"])
        description = Description.from_dict(DESCRIPTION.parse(told["description"].encode()))
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadRequest(
            "Expected a file that sbp.save_noise wrote (safetensors with mu and log sigma of each group), got "
            f"something else: {type(error).__name__}."
        ) from None
    if not is_whole(content):
        raise BadRequest("Expected the file as sbp.save_noise wrote it; its SHA-256 is another. Save it again.")
    if form != FORMAT or not -FAR <= low < high <= FAR:
        said = f"Expected the format {FORMAT} with {-FAR:g} <= a < b <= {FAR:g}"
        raise BadRequest(f"{said}, got {form!r:.40} with a = {low:g}, b = {high:g}.")
    units = {f"{group.name}.{kind}": group.units for group in description.groups for kind in KINDS}
    if sum(units.values()) > 2 * MOST_UNITS or units.keys() != tensors.keys():
        raise BadRequest("Expected mu and log sigma of exactly the groups that the file describes, got others.")
    for name, count in units.items():
        found = tensors[name]
        if found.shape != (count,) or found.dtype != np.float32:
            raise BadRequest(f"{name}: expected {count} float32 numbers, got {found.dtype} {list(found.shape)}.")
    for group in description.groups:
        if not is_noise(tensors[f"{group.name}.loc"], tensors[f"{group.name}.log_scale"]):
            raise BadRequest(f"{group.name}: expected {NOISE}, got others.")
    loc, log_scale = ({group.name: tensors[f"{group.name}.{kind}"] for group in description.groups} for kind in KINDS)
    return description, Snapshot(0, loc, log_scale), low, high


def open_as_run(content: bytes, root: Path | None = None) -> str:
    """Makes a run of such a file, which every page opens, and gives its id.

    Args:
        content: the file's.
        root: where runs are; by default $SBP_RUNS, or ./runs.

    Raises:
        BadRequest: as `from_bytes`.
        OSError: the place cannot be written.
    """
    description, snapshot, low, high = from_bytes(content)
    config = RunConfig.flat(network=OWN, dataset=OWN, epochs=1, validation_size=0, log_low=low, log_high=high)
    moment = time.strftime("%Y%m%d-%H%M%S")
    slug = re.sub(r"[^a-z0-9]+", "-", description.title.lower()).strip("-")[:40] or OWN
    name = f"{moment}-{slug}-{time.monotonic_ns() % 10**6:06d}"  # no two files of one moment have one name
    folder = create_at((root or runs_root()) / name, config, description)
    with folder:
        folder.write_meta({**folder.meta, "network": OWN, "macs_dense": description.dense_macs()})
        for epoch in (0, 1):  # the film of a run needs two moments; the file has one, which is both
            folder.append_snapshot(replace(snapshot, epoch=epoch))
        folder.write_status(State.FINISHED, "Opened from a file of mu and log sigma.", None)
    return folder.id
