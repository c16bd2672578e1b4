"""What every kind of store keeps: a run written on one machine is read, stopped and taken up on another."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from sbp.runs import launcher, remote, store
from sbp.runs.filenames import CHECKPOINT, LOCK, MODEL, NOISE, RECORDS, STATUS
from sbp.runs.remote import pull, push
from sbp.runs.remote.bucket import Unreachable
from sbp.runs.remote.manifest import NOTE, read_note
from sbp.runs.remote.push import Pusher, Superseded
from sbp.runs.states import State
from sbp.runs.store import BadRequest
from tests.runs.made import TINY
from tests.runs.remote.conftest import Machine
from tests.runs.remote.made import bucket, epochs, extend, made


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (LOCK, NOTE)}


def test_a_run_is_seen_on_another_machine_as_it_grows(machine: Machine) -> None:
    folder, pusher = made(3)
    machine("two")
    (listed,) = store.list_runs(recorded=False)
    assert (listed.id, listed.state, listed.alive, len(listed.records())) == (folder.id, State.RUNNING, True, 3)
    assert epochs(folder.id) == [1, 2, 3]
    before = (listed.folder / NOISE).stat().st_ino
    for last in range(4, 30):
        extend(folder, last, last)
        pusher.push()
    assert epochs(folder.id) == list(range(1, 30))
    assert (listed.folder / NOISE).stat().st_ino == before, "what is new is appended"
    parts = read_note(listed.folder).here[NOISE]
    assert len(parts) < 8
    folder.write_checkpoint({"w": np.ones(3)}, {"step": 1})
    folder.write_model({"w": np.zeros(3)})
    pusher.push()
    assert store.open_run(folder.id).has(MODEL)
    assert not store.open_run(folder.id).has(CHECKPOINT), "nobody needs it while another machine trains"
    folder.remove(CHECKPOINT)
    folder.write_result({"test_error_percent": 1.5})
    folder.write_status(State.FINISHED)
    folder.close()
    pusher.push(last=True)
    view = store.open_run(folder.id)
    assert (view.state, view.problem, view.alive) == (State.FINISHED, "", False)
    assert contents(view.folder) == contents(folder.path)
    machine("three")
    assert [run.state for run in store.list_runs(recorded=False)] == [State.FINISHED], "sealed, though in part"
    assert store.find_run(folder.id[:15]).id == folder.id


def test_a_file_that_is_cut_or_replaced_is_so_everywhere(machine: Machine) -> None:
    folder, pusher = made(9)
    machine("two")
    assert epochs(folder.id) == list(range(1, 10))
    lines = (folder.path / RECORDS).read_bytes().splitlines(True)
    (folder.path / RECORDS).write_bytes(b"".join(lines[:4]))
    size = (folder.path / NOISE).stat().st_size
    os.truncate(folder.path / NOISE, size // 9 * 4)
    extend(folder, 5, 12)
    pusher.push()
    assert epochs(folder.id) == list(range(1, 13))
    view = store.open_run(folder.id)
    for name in (RECORDS, NOISE):
        assert (view.folder / name).read_bytes() == (folder.path / name).read_bytes()


def test_what_was_not_sent_is_sent_with_the_next_push(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, pusher = made(2)
    extend(folder, 3, 9)
    write = pusher.bucket.write

    def refuse(key: str, content: bytes) -> None:
        if key.startswith("manifests"):
            raise Unreachable("It does not answer.")
        write(key, content)

    with monkeypatch.context() as patch:
        patch.setattr(pusher.bucket, "write", refuse)
        with pytest.raises(Unreachable):
            pusher.push()
    pusher.push()
    machine("two")
    assert epochs(folder.id) == list(range(1, 10))


def test_what_is_written_while_it_is_sent_fits_together(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, pusher = made(2)
    read = push.read_plain

    def late(path: Path, most: int) -> bytes:
        if path.name == STATUS and folder.state is State.RUNNING:
            extend(folder, 3, 3)
            folder.write_status(State.FINISHED)
        return read(path, most)

    folder.write_status(State.RUNNING, "Now.")
    monkeypatch.setattr(push, "read_plain", late)
    pusher.push()
    machine("two")
    assert epochs(folder.id) == [1, 2, 3]
    assert store.open_run(folder.id).state is State.FINISHED


def test_a_run_that_was_stopped_elsewhere_is_taken_up_here_with_all_of_it(machine: Machine) -> None:
    folder, pusher = made(5)
    machine("two")
    with pytest.raises(BadRequest, match="stopped, failed or lost"):
        launcher.reopen(folder.id)
    launcher.stop(folder.id)
    assert store.open_run(folder.id).state is State.STOPPING
    machine("one")
    pusher.push()
    assert folder.stop_requested
    folder.write_checkpoint({"w": np.arange(4.0)}, {"step": 50})
    folder.write_status(State.STOPPED)
    folder.close()
    pusher.push(last=True)
    machine("two")
    assert store.open_run(folder.id).state is State.STOPPED
    with launcher.reopen(folder.id) as here:
        assert here.path != folder.path
        assert not here.stop_requested
        saved = here.read_checkpoint()
        assert saved is not None
        assert saved[1] == {"step": 50}
        extend(here, 6, 7)
        Pusher(bucket().bucket, here.path).push()
        machine("one")
        with pytest.raises(BadRequest):
            launcher.reopen(folder.id)
        assert epochs(folder.id) == list(range(1, 8))
        assert store.open_run(folder.id).alive


def test_of_two_machines_that_take_a_run_up_one_does(machine: Machine) -> None:
    folder, pusher = made(2)
    folder.write_status(State.STOPPED)
    folder.close()
    pusher.push(last=True)
    for name in ("two", "three"):
        machine(name)
        assert store.open_run(folder.id).state is State.STOPPED
    with launcher.reopen(folder.id):
        machine("two")
        place = store.runs_root() / folder.id
        with pytest.raises(BadRequest, match="is written on"):
            remote.claim(place)
        with pytest.raises(BadRequest, match="is written on"):
            launcher.reopen(folder.id)
        machine("one")
        with pytest.raises(BadRequest, match="is written on"):
            launcher.reopen(folder.id)


def test_a_run_that_is_deleted_is_so_everywhere_and_comes_back_with_all_of_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pusher = made(4)
    machine("two")
    assert store.open_run(folder.id).alive
    with pytest.raises(BadRequest, match="is written on"):
        store.delete(folder.id)
    machine("one")
    folder.write_status(State.STOPPED)
    folder.close()
    pusher.push(last=True)
    before = contents(folder.path)
    machine("three")
    assert epochs(folder.id) == [1, 2, 3, 4]
    machine("two")
    assert store.open_run(folder.id).state is State.STOPPED
    monkeypatch.setattr(pull, "LIST_SECONDS", 60.0)
    store.delete(folder.id)
    for name in ("one", "two", "three"):
        machine(name)
        assert store.list_runs(recorded=False) == []
        assert store.count_runs() == 0
        with pytest.raises(store.UnknownRun, match=f"in {os.environ['SBP_RUNS']} or"):
            store.open_run(folder.id)
    with pytest.raises(Superseded):
        pusher.push()
    machine("two")
    store.undelete(folder.id)
    assert epochs(folder.id) == [1, 2, 3, 4]
    machine("three")
    assert epochs(folder.id) == [1, 2, 3, 4]
    assert contents(store.open_run(folder.id).folder) == before


def test_a_writer_that_was_silent_for_a_minute_has_lost_its_run(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, old = made(3)
    machine("two")
    assert store.open_run(folder.id).alive
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert store.open_run(folder.id).state is State.LOST
    with launcher.reopen(folder.id) as here:
        extend(here, 4, 4)
        new = Pusher(bucket().bucket, here.path)
        new.push()
        machine("one")
        extend(folder, 4, 9)
        with pytest.raises(Superseded):
            old.push()
        assert folder.gone, "its worker ends at its next step"
        new.push()
        assert epochs(folder.id) == [1, 2, 3, 4]


def test_the_same_second_makes_two_runs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    first = store.create(TINY)
    machine("two")
    second = store.create(TINY)
    assert second.id == f"{first.id}-2"


def test_what_a_killed_worker_could_not_send_is_sent_by_whoever_looks_there(machine: Machine) -> None:
    folder, _ = made(2)
    extend(folder, 3, 6)
    folder.close()
    assert store.open_run(folder.id).state is State.LOST, "its own machine knows at once"
    machine("two")
    assert epochs(folder.id) == list(range(1, 7))
    assert store.open_run(folder.id).state is State.LOST


def test_nobody_waits_for_a_long_list_but_the_first_time(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = made(1)
    machine("two")
    monkeypatch.setattr(pull, "SLOW_SECONDS", 0.0)
    assert [run.id for run in store.list_runs(recorded=False)] == [first.id]
    machine("one")
    second, _ = made(1)
    machine("two")
    end = time.monotonic() + 30
    while {run.id for run in store.list_runs(recorded=False)} != {first.id, second.id}:
        assert time.monotonic() < end
        time.sleep(0.01)
