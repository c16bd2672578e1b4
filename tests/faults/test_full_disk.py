"""A full disk or a full device ends a run in a sentence; what was there stays, and it resumes once there is room."""

from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from sbp.runs import files, store
from sbp.runs.files import remove_temporaries
from sbp.runs.states import State
from sbp.worker.outcome import explain_error
from tests.faults.test_power_cut import epochs_of, scripted  # noqa: F401
from tests.runs.made import TINY
from tests.worker.done import again, work

FULL = OSError(errno.ENOSPC, "No space left on device")


class SmallDisk:
    """A disk on which the files of one folder have so many bytes together and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.room = Path(), 10**9
        self._write = os.write
        monkeypatch.setattr(files.os, "write", self.write)
        monkeypatch.setattr(files, "open", self.open, raising=False)

    def fill(self, folder: Path, left: int) -> None:
        """Takes all room but this much."""
        self.folder = folder
        self.room = self.used() + left

    def used(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())

    def write(self, descriptor: int, content: bytes) -> int:
        """What fits, as a disk does."""
        fitting = content[: max(0, self.room - self.used())]
        if content and not fitting:
            raise FULL
        return self._write(descriptor, fitting)

    @contextmanager
    def open(self, path: Path, mode: str) -> Iterator[Any]:
        """A file for writing whose `write` fails when the disk is full."""
        with builtins.open(path, mode, buffering=0) as file:

            class Writer:
                def write(inner, content: bytes) -> None:
                    while content:
                        content = content[self.write(file.fileno(), content) :]

            yield Writer()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SmallDisk:
    return SmallDisk(monkeypatch)


@pytest.mark.parametrize("left", [0, 100, 600, 3000, 6850], ids=str)
def test_it_says_so_and_goes_on_once_there_is_room(
    scripted: Callable[..., None],  # noqa: F811
    disk: SmallDisk,
    left: int,
) -> None:
    with store.create(TINY) as folder:
        scripted(lambda epoch: disk.fill(folder.path, left) if epoch == 3 else None)
        view = work(folder)
    assert view.state is State.FAILED
    assert view.message.startswith("The disk is full.")
    records, rows = epochs_of(view)
    assert records[:2] == [1, 2]
    assert rows[:3] == [0, 1, 2]
    hidden = [path.name for path in folder.path.iterdir() if path.name.startswith(".")]
    assert hidden == [], "neither half a file nor the reserve is left"
    disk.room = 10**9
    scripted(lambda epoch: None)
    view = again(view)
    assert view.state is State.FINISHED, view.message
    assert epochs_of(view) == ([1, 2, 3], [0, 1, 2, 3])


def test_a_record_is_appended_whole_or_not_at_all(disk: SmallDisk, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    files.append_bytes(place / "records.jsonl", b"one\n")
    disk.fill(place, 2)
    with pytest.raises(OSError, match="No space left"):
        files.append_bytes(place / "records.jsonl", b"two\n")
    assert (place / "records.jsonl").read_bytes() == b"one\n"


def test_what_a_killed_writer_left_half_written_goes_at_the_next_start(tmp_path: Path) -> None:
    place, ended = tmp_path / "run", 2**22 + 1  # more than a process's number can be
    place.mkdir()
    for name in (f".model.safetensors.{ended}", f".status.json.{os.getpid()}", "records.jsonl", ".name.of.yours"):
        (place / name).touch()
    remove_temporaries(place)
    left = sorted(path.name for path in place.iterdir())
    assert left == sorted([".name.of.yours", f".status.json.{os.getpid()}", "records.jsonl"])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        MemoryError(),
    ],
    ids=["torch", "driver", "cublas", "cpu", "python"],
)
def test_without_memory_it_names_the_batch_to_try_and_keeps_the_last_epoch(
    scripted: Callable[..., None],  # noqa: F811
    error: Exception,
) -> None:
    def fail(epoch: int) -> None:
        if epoch == 3:
            raise error

    scripted(fail)
    with store.create(TINY.replace(batch_size=100)) as folder:
        view = work(folder)
    assert view.state is State.FAILED
    assert "batch_size of 50 instead of 100" in view.message
    assert view.resumable
    assert view.has("model.safetensors")
    scripted(lambda epoch: None)
    assert epochs_of(again(view)) == ([1, 2, 3], [0, 1, 2, 3])


def test_a_gpu_that_another_has_for_itself_is_busy() -> None:
    said = explain_error(RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"))
    assert "busy" in said
    assert "another" in said
