"""A power cut at any moment loses what was not synced, and nothing else: the run resumes, and no epoch is missing."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import sbp.data.datasets
import sbp.training.loop
from sbp.compaction.load import LoadError, read_safetensors
from sbp.export.browser import read_weights
from sbp.runs import noise_file, store
from sbp.runs.files import BadFile
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec.seal import is_whole
from sbp.worker import worker
from tests.faults.torture import times
from tests.made_up import write_run
from tests.runs.made import TINY, record, snapshot
from tests.worker.done import again, work
from tests.worker.scripted import Scripted

RECORDS, NOISE, STATUS = "records.jsonl", "noise.f32", "status.json"
CHECKPOINT, BEFORE = "checkpoint.safetensors", "checkpoint-before.safetensors"
ROW = 4 * (1 + 2 * (784 + 8 + 8))


class Disk:
    """What has been synced in one folder: the names at the last sync of it, and each file's content at its own."""

    def __init__(self, place: Path, folder: Path) -> None:
        self.place, self.folder = place, folder
        self.names: dict[str, int] = {}
        self.contents: dict[int, bytes] = {}
        self.images: list[dict[str, bytes]] = []
        place.mkdir()
        for path in (*folder.iterdir(), folder):
            descriptor = os.open(path, os.O_RDONLY)
            self.sync(descriptor)
            os.close(descriptor)
        self.images.clear()

    def sync(self, descriptor: int) -> None:
        """What fsync does; before and after it the power may be cut."""
        self.images += self.now()
        facts = os.fstat(descriptor)
        if stat.S_ISDIR(facts.st_mode):
            if facts.st_ino == self.folder.stat().st_ino:
                self.names = {path.name: self._hold(path) for path in self.folder.iterdir()}
        else:
            (path,) = (path for path in self.folder.iterdir() if path.stat().st_ino == facts.st_ino)
            self.contents[self._hold(path)] = path.read_bytes()
        self.images += self.now()

    def _hold(self, path: Path) -> int:
        """The file's inode, which no other file is given from now on."""
        number = path.stat().st_ino
        if not (self.place / str(number)).exists():
            os.link(path, self.place / str(number))
        return number

    def now(self) -> list[dict[str, bytes]]:
        """What is there after a cut at this moment: with the names as they were synced, and as they are."""
        present = {path.name: path.stat().st_ino for path in self.folder.iterdir()}
        return [{name: self.contents.get(ino, b"") for name, ino in names.items()} for names in (self.names, present)]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    monkeypatch.setattr(sbp.training.loop, "Training", Scripted)
    monkeypatch.setattr(sbp.data.datasets, "load", lambda name, progress=None: None)
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(worker.Worker, "_finish", lambda self: self.move(worker.Event.FINISH))
    return lambda script: monkeypatch.setattr(Scripted, "script", staticmethod(script))


def put(folder: Path, image: dict[str, bytes]) -> None:
    """Makes this the folder's content."""
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in image.items():
        (folder / name).write_bytes(content)


def epochs_of(view: store.RunView) -> tuple[list[int], list[int]]:
    return [one.epoch for one in view.records()], view.snapshots().epochs.tolist()


def test_whatever_was_not_synced_is_lost_and_the_run_goes_on(
    scripted: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with store.create(TINY) as folder:
        disk = Disk(tmp_path / "disk", folder.path)
        monkeypatch.setattr(os, "fsync", disk.sync)
        scripted(lambda epoch: disk.images.extend(disk.now()))
        assert work(folder).state is State.FINISHED
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    images = [dict(image) for image in {tuple(sorted(image.items())) for image in disk.images}]
    assert len(images) > 20
    print(f"{len(images)} power cuts")
    resumed: list[int] = []
    scripted(lambda epoch: resumed.append(epoch))
    for image in images:
        put(folder.path, image)
        view = store.open_run(folder.id)
        assert view.problem == ""
        if view.state is State.FINISHED:
            assert epochs_of(view) == ([1, 2, 3], [0, 1, 2, 3])
            continue
        assert view.state is State.LOST
        assert view.resumable
        resumed.clear()
        view = again(view)
        assert view.state is State.FINISHED, view.message
        assert epochs_of(view) == ([1, 2, 3], [0, 1, 2, 3])
        saved = CHECKPOINT in image or BEFORE in image
        assert not saved or resumed[:1] != [1] or b'"done\\": 0' in image.get(CHECKPOINT, image.get(BEFORE, b""))


@pytest.fixture
def folder() -> Iterator[RunFolder]:
    """A run of three epochs: its checkpoint covers two, the one before it one."""
    with store.create(TINY) as made:
        made.append_snapshot(snapshot(made, 0))
        for epoch in (1, 2, 3):
            made.append_record(record(epoch))
            made.append_snapshot(snapshot(made, epoch))
            if epoch < 3:
                made.write_checkpoint({"w": np.full(2, float(epoch))}, {"epoch": epoch})
        made.write_status("running")
        yield made


def cuts(size: int, whole: int) -> list[int]:
    """Every length of a file of lines, and of one of long rows the ends of rows and every 97th."""
    return sorted(
        {*range(size - whole, size + 1, 1 if whole < 2000 else times(97, 7)), *range(size - whole, size + 1, ROW)}
    )


@pytest.mark.parametrize("name", [RECORDS, NOISE])
@pytest.mark.parametrize("zeros", [False, True], ids=["cut", "zeros"])
def test_all_cuts_of_the_last_two(folder: RunFolder, name: str, zeros: bool) -> None:
    files_then = {path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != "lock"}
    content = files_then[name]
    last_two = 2 * ROW if name == NOISE else len(b"".join(content.splitlines(True)[-2:]))
    covered = len(content) - (ROW if name == NOISE else len(content.splitlines(True)[-1]))
    tried = cuts(len(content), last_two)
    for length in tried:
        for other, whole in files_then.items():
            (folder.path / other).write_bytes(whole)
        left = content[:length] + bytes(len(content) - length if zeros else 0)
        path = folder.path / f"{name}.new"
        path.write_bytes(left)
        path.replace(folder.path / name)
        assert store.open_run(folder.id).problem == ""
        saved = folder.read_checkpoint()
        assert saved is not None
        # The last byte may have been a zero anyway.
        whole_again = left[:covered] == content[:covered]
        assert saved[1]["epoch"] == (2 if whole_again else 1)
        assert bool(folder.note) is not whole_again
        done = saved[1]["epoch"]
        assert epochs_of(store.open_run(folder.id)) == (list(range(1, done + 1)), list(range(done + 1)))
    assert len(tried) > 100
    print(f"{len(tried)} lengths of {name}")


def test_it_says_that_it_went_back(scripted: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with store.create(TINY) as folder:
        scripted(lambda epoch: (folder.path / "stop").touch() if epoch == 3 else None)
        view = work(folder)
    assert view.state is State.STOPPED
    os.truncate(folder.path / RECORDS, 100)
    said: list[str] = []
    scripted(lambda epoch: said.append(store.open_run(folder.id).message))
    (folder.path / BEFORE).unlink()
    assert again(view).state is State.FAILED, "without another checkpoint it does not throw epochs away"
    message = store.open_run(folder.id).message
    assert "covers 3 records, and records.jsonl has 0" in message
    assert "delete it to train from the start" in message


@pytest.mark.parametrize("left", [b"", bytes(300)], ids=["empty", "zeros"])
def test_a_status_that_was_not_written_out_is_a_lost_run(folder: RunFolder, left: bytes) -> None:
    (folder.path / STATUS).write_bytes(left)
    assert store.open_run(folder.id).state is State.RUNNING, "as long as its worker lives"
    folder.close()
    view = store.open_run(folder.id)
    assert view.state is State.LOST
    assert view.resumable
    assert "its last checkpoint" in view.message


@pytest.mark.parametrize("name", [CHECKPOINT, RECORDS, NOISE])
def test_no_flipped_bit_is_gone_on_from(folder: RunFolder, name: str) -> None:
    path = folder.path / name
    content, random = path.read_bytes(), np.random.default_rng(0)
    # Of what only the newest checkpoint covers.
    first, last = {CHECKPOINT: (0, len(content)), NOISE: (2 * ROW, 3 * ROW)}.get(name, (0, 0))
    if name == RECORDS:
        lines = content.splitlines(True)
        first, last = len(lines[0]), len(lines[0]) + len(lines[1])
    others = {other.name: other.read_bytes() for other in folder.path.iterdir() if other.name != "lock"}
    seal = content.find(b'"sha256":"')
    for place in random.integers(first, last, 60):
        if name == CHECKPOINT and seal <= place < seal + 75:
            continue  # the digest itself, which is none of the run's numbers
        for other, whole in others.items():
            (folder.path / other).write_bytes(whole)
        changed = bytearray(content)
        changed[place] ^= 1 << int(random.integers(8))
        path.write_bytes(changed)
        saved = folder.read_checkpoint()
        assert saved is not None
        np.testing.assert_array_equal(saved[0]["w"], [1.0, 1.0])
        assert folder.note


def test_without_a_whole_checkpoint_nothing_is_thrown_away(folder: RunFolder) -> None:
    for name in (CHECKPOINT, BEFORE):
        changed = bytearray((folder.path / name).read_bytes())
        changed[-1] ^= 1
        (folder.path / name).write_bytes(changed)
    with pytest.raises(BadFile, match=r"checkpoint\.safetensors .*SHA-256"):
        folder.read_checkpoint()
    assert epochs_of(store.open_run(folder.id)) == ([1, 2, 3], [0, 1, 2, 3])


def test_a_checkpoint_of_an_earlier_version_is_accepted(folder: RunFolder) -> None:
    header = {"state": json.dumps({"epoch": 2}), "covers": json.dumps({"records": 2, "rows": 3})}
    save_file({"w": np.full(2, 7.0)}, folder.path / CHECKPOINT, metadata=header)
    saved = folder.read_checkpoint()
    assert saved is not None
    np.testing.assert_array_equal(saved[0]["w"], [7.0, 7.0])
    assert folder.note == ""
    assert epochs_of(store.open_run(folder.id)) == ([1, 2], [0, 1, 2])


def test_weights_with_a_flipped_bit_are_not_shown(folder: RunFolder) -> None:
    folder.write_model({"dense1.weight": np.ones((8, 784), np.float32)})
    path = folder.path / "model.safetensors"
    assert is_whole(path.read_bytes())
    assert set(load_file(path)) == set(read_weights(path)) == {"dense1.weight"}
    changed = bytearray(path.read_bytes())
    changed[-1] ^= 1
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="SHA-256"):
        read_weights(path)
    with pytest.raises(LoadError, match="SHA-256"):
        read_safetensors(path)


def test_noise_with_a_flipped_bit_is_not_opened(runs_root: Path) -> None:
    content = bytearray(noise_file.of_run(write_run(runs_root, epochs=2)))
    noise_file.from_bytes(bytes(content))
    content[-1] ^= 1
    with pytest.raises(store.BadRequest, match="SHA-256"):
        noise_file.from_bytes(bytes(content))
