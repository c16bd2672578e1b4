"""What can be wrong with one file of a run's folder: name of the fault, file, and how it is made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Spoil = Callable[[Path], None]


def text(content: str | bytes) -> Spoil:
    """Replaces the file by this."""

    def spoil(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def changed(**values: Any) -> Spoil:
    """Changes fields of a JSON object; numbers that JSON cannot say are written as they come."""

    def spoil(path: Path) -> None:
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, **values}))

    return spoil


def replaced(old: str, new: str) -> Spoil:
    """Changes the text."""

    def spoil(path: Path) -> None:
        before = path.read_text()
        assert old in before, f"{path.name} holds no {old!r}"
        path.write_text(before.replace(old, new, 1))

    return spoil


def without(*names: str) -> Spoil:
    """Takes fields out, those within sections too."""

    def left(known: dict[str, Any]) -> dict[str, Any]:
        return {n: left(value) if isinstance(value, dict) else value for n, value in known.items() if n not in names}

    def spoil(path: Path) -> None:
        path.write_text(json.dumps(left(json.loads(path.read_text()))))

    return spoil


def step(**values: Any) -> Spoil:
    """Writes one step's record with these fields changed."""
    good = {"step": 20, "epoch": 0.5, "phase": "sbp", "nll": 2.0, "kl": 1.0, "kl_weighted": 1.0, "loss": 2.5}
    return text(json.dumps({**good, "kept": [784, 500, 300], **values}) + "\n")


def line(**values: Any) -> Spoil:
    """Changes fields of the third record."""

    def spoil(path: Path) -> None:
        lines = path.read_text().splitlines()
        lines[2] = json.dumps({**json.loads(lines[2]), **values})
        other = path.with_suffix(".new")  # another file: of one that grows only the new end is read again
        other.write_text("\n".join(lines) + "\n")
        other.replace(path)

    return spoil


def cut(path: Path) -> None:
    """The last two bytes are missing."""
    path.write_bytes(path.read_bytes().rstrip()[:-2])


def pipe(path: Path) -> None:
    """A named pipe, which nobody writes to."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def link(path: Path) -> None:
    """A link to the same file elsewhere."""
    other = path.parent.parent / f".elsewhere-{path.name}"
    other.write_bytes(path.read_bytes() if path.exists() else b"")
    path.unlink(missing_ok=True)
    path.symlink_to(other)


def device(path: Path) -> None:
    """A link to a device that never ends."""
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    """A folder."""
    path.unlink(missing_ok=True)
    path.mkdir()


def huge(path: Path) -> None:
    """10 GB of nothing, sparse."""
    path.touch()
    os.truncate(path, 10 * 10**9)


def rows(change: Callable[[np.ndarray], None]) -> Spoil:
    """Changes the table of noise of a LeNet-500-300."""

    def spoil(path: Path) -> None:
        table = np.fromfile(path, dtype="<f4").reshape(-1, 1 + 2 * (784 + 500 + 300))
        change(table)
        path.write_bytes(table.tobytes())

    return spoil


def _set(at: Any, value: float) -> Callable[[np.ndarray], None]:
    def change(table: np.ndarray) -> None:
        table[at] = value

    return change


DEEP = "[" * 100_000 + "]" * 100_000
DIGITS = "9" * 5000
CONFIG, META, STATUS, RECORDS = "config.json", "meta.json", "status.json", "records.jsonl"
RESULT, NOISE, MODEL = "result.json", "noise.f32", "model.safetensors"
STEPS, STEP_NOISE = "steps.jsonl", "steps.f32"

# The inputs of the issue come first in each kind.
UNREADABLE_CONFIG: dict[str, tuple[str, Spoil]] = {
    "config cut by two bytes": (CONFIG, cut),
    "config {}": (CONFIG, text("{}")),
    "config empty": (CONFIG, text("")),
    "config without a network": (CONFIG, without("network")),
    "config without a seed": (CONFIG, without("seed")),
    "config without its interval": (CONFIG, without("log_low", "log_high")),
    "config with a field too many": (CONFIG, changed(colour="red")),
    "config of a network that is not known": (CONFIG, changed(network="resnet-50")),
    "config with a word for a number": (CONFIG, changed(epochs="many")),
    "config NaN in widths": (CONFIG, changed(widths=[float("nan"), 8])),
    "config infinite learning rate": (CONFIG, changed(lr=float("inf"))),
    "config 1e400": (CONFIG, replaced('"noise_lr": 0.1', '"noise_lr": 1e400')),
    "config with an integer of 5,000 digits": (CONFIG, replaced('"seed": 0', f'"seed": {DIGITS}')),
    "config with a width of a billion": (CONFIG, changed(widths=[10**9, 8])),
    "config with 10^12 epochs": (CONFIG, changed(epochs=10**12)),
    "config nested without end": (CONFIG, text(DEEP)),
    "config not UTF-8": (CONFIG, text(b'{"network": "\xff\xfe"}')),
    "config a lone surrogate": (CONFIG, replaced('"preset": "quick"', '"preset": "\\udcff"')),
    "config is a pipe": (CONFIG, pipe),
    "config is a folder": (CONFIG, folder),
    "config is a link": (CONFIG, link),
    "config is a device": (CONFIG, device),
    "config of 10 GB": (CONFIG, huge),
}

OTHER_FILES: dict[str, tuple[str, Spoil]] = {
    "state is a list": (STATUS, text('{"state": []}')),
    "status nested without end": (STATUS, text('{"state": ' + DEEP + "}")),
    "status with an integer of 5,000 digits": (STATUS, replaced('"pid": ', f'"old": {DIGITS}, "pid": ')),
    "status pid is a word": (STATUS, changed(pid="me")),
    "status progress of another kind": (STATUS, changed(progress={"phase": "sbp"})),
    "status updated NaN": (STATUS, changed(updated=float("nan"))),
    "status message is a list": (STATUS, changed(message=["a"])),
    "status is a pipe": (STATUS, pipe),
    "status is a folder": (STATUS, folder),
    "status of 10 GB": (STATUS, huge),
    "created is no time": (META, changed(created=1e300)),
    "created before time": (META, changed(created=-1)),
    "meta 1e400": (META, replaced('"n_train": 1297', '"n_train": 1e400')),
    "meta n_train is a word": (META, changed(n_train="many")),
    "meta layers of another network": (
        META,
        changed(
            layers=[
                {"name": "input", "kind": "pixel", "units": 3, "shape": [3]},
            ]
        ),
    ),
    "meta layers of no units": (META, changed(layers=[{"name": "x", "kind": "neuron", "units": 0, "shape": [0]}])),
    "meta versions is a list": (META, changed(versions=["torch"])),
    "meta nested without end": (META, text('{"hardware": ' + DEEP + "}")),
    "meta is a pipe": (META, pipe),
    "meta is a link": (META, link),
    "a record with a word for a number": (RECORDS, line(macs="few")),
    "a record with an error of -5 %": (RECORDS, line(validation_error_percent=-5.0)),
    "a record with an error of 5,078 %": (RECORDS, line(train_error_percent=5078.0)),
    "a record that keeps 99,999 of 784": (RECORDS, line(kept=[99_999, 500, 300])),
    "a record of other layers": (RECORDS, line(kept=[784])),
    "a record whose epoch repeats": (RECORDS, line(epoch=2)),
    "a record that goes back": (RECORDS, line(epoch=-3)),
    "a first record before the noise": (RECORDS, replaced('"epoch": 1,', '"epoch": -1,')),
    "a record with NaN": (RECORDS, line(nll=float("nan"))),
    "a record with 5,000 digits": (RECORDS, replaced('"macs": ', f'"macs": {DIGITS}')),
    "a record nested without end": (RECORDS, text(DEEP + "\n")),
    "a record of an unknown phase": (RECORDS, line(phase="magic")),
    "a record with another number": (RECORDS, line(nll=0.125)),
    "records not UTF-8": (RECORDS, text(b"\xff\xfe\n")),
    "records are a pipe": (RECORDS, pipe),
    "records are a folder": (RECORDS, folder),
    "records are a link": (RECORDS, link),
    "records of 10 GB": (RECORDS, huge),
    "a result of -5 %": (RESULT, changed(test_error_percent=-5)),
    "a result of 5,078 %": (RESULT, changed(test_error_percent=5078.0)),
    "a result that keeps 99,999": (RESULT, changed(kept=[99_999, 5, 5])),
    "a result of another seed": (RESULT, changed(seed=7)),
    "a result of another network": (RESULT, changed(network="vgg-like")),
    "a result with more MACs than there are": (RESULT, changed(macs=10**12)),
    "a result that contradicts itself": (RESULT, changed(macs=5450, macs_reduction=2.0)),
    "a result nested without end": (RESULT, text('{"a":' + DEEP + "}")),
    "a result is a device": (RESULT, device),
    "noise with a row of zeros inside": (NOISE, rows(_set(3, 0.0))),
    "noise of random bytes": (NOISE, text(np.random.default_rng(0).bytes(60_000))),
    "noise whose epochs go back": (NOISE, rows(_set((4, 0), 1.0))),
    "noise of a sigma that no number can hold": (NOISE, rows(_set((4, -1), 3e32))),
    "noise of an epoch without end": (NOISE, rows(_set((6, 0), 1e30))),
    "noise with NaN": (NOISE, rows(_set((4, 17), np.nan))),
    "noise with another number": (NOISE, rows(_set((4, 17), 0.25))),
    "noise is a pipe": (NOISE, pipe),
    "noise is a link": (NOISE, link),
    "noise is a device": (NOISE, device),
    "noise of 10 GB": (NOISE, huge),
    "a step with NaN": (STEPS, step(nll=float("nan"))),
    "a step that keeps 99,999 of 784": (STEPS, step(kept=[99_999, 500, 300])),
    "a step of other layers": (STEPS, step(kept=[784])),
    "a step of no time": (STEPS, step(epoch=1e300)),
    "steps nested without end": (STEPS, text(DEEP + "\n")),
    "steps are a pipe": (STEPS, pipe),
    "steps of 10 GB": (STEPS, huge),
    "noise of steps of random bytes": (STEP_NOISE, text(np.random.default_rng(0).bytes(60_000))),
    "noise of steps is a link": (STEP_NOISE, link),
    "noise of steps of 10 GB": (STEP_NOISE, huge),
    "weights are a pipe": (MODEL, pipe),
    "weights are a link": (MODEL, link),
    "the log is a pipe": ("log.txt", pipe),
    "the lock is a pipe": ("lock", pipe),
    "the lock is a folder": ("lock", folder),
    "the request to stop is a link": ("stop", link),
    "the sweep is a pipe": ("sweep.json", pipe),
    "the speed is a device": ("speed.json", device),
}

FAULTS = {**UNREADABLE_CONFIG, **OTHER_FILES}

# Of files that can be made again by a command: what cannot be read counts as not made, and the run is well.
REMAKEABLE: dict[str, tuple[str, Spoil]] = {
    f"{name} {what}": (name, spoil)
    for name in ("sweep.json", "speed.json", "attribution.json")
    for what, spoil in {
        "empty": text(""),
        "a list": text("[]"),
        "nested without end": text('{"criteria": ' + DEEP + "}"),
        "5,000 digits": text('{"n": ' + DIGITS + "}"),
        "1e400": text('{"n": 1e400, "objects": "validation", "criteria": {}}'),
        "words for everything": text('{"measurements": "a", "criteria": "b", "pixels": "c", "units": 4, "n": "d"}'),
        "of 10 GB": huge,
    }.items()
}
