"""Small made-up records, snapshots and processes for the tests of the store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sbp.runs.folder import RunFolder
from sbp.spec import RunConfig
from sbp.spec.records import Progress, Record, Snapshot, StepRecord, StepSnapshot

# Seconds of CPU, not of patience: 2 steps an epoch of a network that is next to nothing.
TINY = RunConfig.flat(
    dataset="digits",
    epochs=40,
    widths=(8, 8),
    device="cpu",
    threads=1,
    batch_size=100,
    train_size=200,
    validation_size=50,
    noise_lr=0.05,
)
# At its own widths the network's graph ships with the code, and a process that trains to the end need not make one.
SHIPPED = TINY.replace(widths=())

# What a run says of itself to other programs, whatever else it says.
REQUIRED = {
    "id",
    "network",
    "dataset",
    "method",
    "state",
    "seed",
    "device",
    "epochs",
    "test_error_percent",
    "kept",
    "macs",
    "macs_dense",
    "macs_reduction",
    "seconds",
}


def record(epoch: int, **changes: object) -> Record:
    """An epoch whose numbers tell which one it is."""
    values = {
        "epoch": epoch,
        "step": 10 * epoch,
        "phase": "sbp",
        "seconds": 0.5 * epoch,
        "nll": 1 / (1 + epoch),
        "kl": 100.0 - epoch,
        "kl_weighted": 100.0 - epoch,
        "loss": 2.0,
        "train_error_percent": 9.0,
        "validation_error_percent": max(10.0 - epoch / 10, 0.0),
        "kept": (max(784 - epoch, 0), 8, 8),
        "macs": max(6416 - epoch, 0),
        "lr": 1e-3,
        "noise_lr": 1e-2,
    }
    return Record(**{**values, **changes})  # type: ignore[arg-type]


def snapshot(folder: RunFolder, epoch: int) -> Snapshot:
    """loc of unit i of a layer after an epoch is epoch + i / 1000, log_scale a hundredth of its negative."""
    loc = {layer.name: epoch + np.arange(layer.units) / 1000 for layer in folder.layers}
    return Snapshot(epoch, loc, {name: -values / 100 for name, values in loc.items()})


def step_snapshot(folder: RunFolder, step: int, noisy: bool = True) -> StepSnapshot:
    """After a step of the first epoch, of 1,000 steps; where units have noise, with that of `snapshot`."""
    kept = (784, 8, 8) if noisy else None
    record_ = StepRecord(step, step / 1000, "sbp" if noisy else "pretrain", 2.0, 1.0, 1.0, 2.5, kept)
    found = snapshot(folder, step)
    return StepSnapshot(record_, found.loc, found.log_scale) if noisy else StepSnapshot(record_, {}, {})


def progress(step: int = 10) -> Progress:
    """Somewhere in the first epoch."""
    return Progress("sbp", 1, 40, step, 400, 1.0, 39.0, None, 2.3)


@contextmanager
def another_process_holds(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that holds the exclusive lock on a file until it is ended."""
    code = f"""
import fcntl, sys, time
file = open({str(path)!r}, "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
