"""One training a device, the oldest queued first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from sbp.runs import device_queue, store
from sbp.runs.folder import RunFolder
from sbp.runs.reading import HUNG_SECONDS
from sbp.spec import ConfigError
from tests.runs.made import TINY


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_queue, "POLL_SECONDS", 0.01)


@pytest.fixture
def three() -> Iterator[list[RunFolder]]:
    """Three queued runs in the order of their queueing, their device found out."""
    folders = [store.create(TINY) for _ in range(3)]
    for folder in folders:
        folder.write_status("queued", device="cpu")
    yield folders
    for folder in folders:
        folder.close()


def never() -> bool:
    return False


def turns(*answers: bool) -> Callable[[], bool]:
    """A stop_asked that says no as often as told, then yes."""
    left = list(answers)
    return lambda: left.pop(0) if left else True


def test_the_oldest_gets_the_slot_and_the_next_waits_for_it(three: list[RunFolder]) -> None:
    first, second, third = three
    assert device_queue.acquire(third, "cpu", turns(False, False)) is None, "two are ahead of it"
    assert store.open_run(third.id).message == "Waiting for the CPU; 2 runs ahead."
    slot = device_queue.acquire(first, "cpu", never)
    assert slot is not None
    first.write_status("running")
    assert device_queue.runs_ahead(second, "cpu") == []
    assert device_queue.runs_ahead(third, "cpu") == [second.id]
    assert device_queue.acquire(second, "cpu", turns(False, False)) is None, "the slot is taken"
    assert "another run is training" in store.open_run(second.id).message
    slot.release()
    slot = device_queue.acquire(second, "cpu", never)
    assert slot is not None
    slot.release()


def test_the_dead_the_hung_and_those_for_another_device_are_not_waited_for(
    three: list[RunFolder],
) -> None:
    first, second, third = three
    assert device_queue.runs_ahead(third, "cpu") == [first.id, second.id]
    first.close()
    assert device_queue.runs_ahead(third, "cpu") == [second.id]
    second.write_status("queued", updated=time.time() - 2 * HUNG_SECONDS)
    assert device_queue.runs_ahead(third, "cpu") == []
    second.write_status("queued", device="cuda")
    assert device_queue.runs_ahead(third, "cpu") == []
    assert device_queue.runs_ahead(third, "cuda") == [second.id]


def test_one_that_waits_looks_at_few_folders_however_long_the_queue(
    three: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_queue, "POLL_SECONDS", 0.02)
    queue = [store.create(TINY) for _ in range(40)]
    looked = Mock(return_value=True)
    monkeypatch.setattr(device_queue, "is_locked", looked)
    assert device_queue.acquire(queue[-1], "cpu", turns(*[False] * 20)) is None
    assert looked.call_count < 400  # 20 looks at each are 840
    assert store.open_run(queue[-1].id).message == "Waiting for the CPU; 42 runs ahead."
    for folder in queue:
        folder.close()


def test_one_that_joins_looks_into_none_that_has_long_ended(
    three: list[RunFolder], runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = time.time() - 2 * HUNG_SECONDS
    for _ in range(20):
        with store.create(TINY) as folder:
            folder.write_status("finished")
        os.utime(folder.path, (past, past))
    (runs_root / "link").symlink_to("nowhere")
    looked = Mock(side_effect=device_queue.is_locked)
    monkeypatch.setattr(device_queue, "is_locked", looked)
    assert device_queue._waiting(runs_root) == 3
    assert sorted(call.args[0].parent.name for call in looked.call_args_list) == sorted(one.id for one in three)


def test_those_that_leave_the_middle_of_the_queue_are_not_counted_for_long(
    three: list[RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_queue, "_HEARTBEAT_SECONDS", 0.0)
    asked = 0

    def stop_asked() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            three[1].write_status("stopped")
        return asked > 10

    assert device_queue.acquire(three[2], "cpu", stop_asked) is None
    assert store.open_run(three[2].id).message == "Waiting for the CPU; 1 run ahead."


def test_one_that_does_not_know_its_device_yet_may_want_any(three: list[RunFolder]) -> None:
    first, second, third = three
    first.write_status("queued", device=None, asked_device="auto")
    second.write_status("queued", device=None, asked_device="cuda")
    assert device_queue.runs_ahead(third, "cpu") == [first.id]


def test_a_resumed_run_stands_at_the_end_of_the_queue(three: list[RunFolder]) -> None:
    first, second, third = three
    first.write_queued()
    assert device_queue.runs_ahead(first, "cpu")
    assert second.id in device_queue.runs_ahead(first, "cpu")
    assert third.id in device_queue.runs_ahead(first, "cpu")
    assert device_queue.runs_ahead(second, "cpu") == []


def test_more_slots_by_the_environment(three: list[RunFolder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBP_PARALLEL", "2")
    held = []
    for folder in three[:2]:
        held.append(device_queue.acquire(folder, "cpu", never))
        folder.write_status("running")
    assert None not in held
    assert device_queue.acquire(three[2], "cpu", turns(False, False)) is None
    for slot in held:
        assert slot is not None
        slot.release()


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_bad_number_of_slots_is_a_sentence(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBP_PARALLEL", text)
    with pytest.raises(ConfigError, match=r"SBP_PARALLEL: expected a number .* got"):
        device_queue.parallel()


def test_slot_files_are_hidden_from_the_list_of_runs(runs_root: Path, three: list[RunFolder]) -> None:
    slot = device_queue.acquire(three[0], "cpu", never)
    assert slot is not None
    assert (runs_root / ".device-cpu.lock").exists()
    assert len(store.list_runs(recorded=False)) == 3
    slot.release()
