"""The worker in this process: every end of a run, by a training that follows a script."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import sbp.data.datasets
import sbp.training.loop
from sbp.data.datasets import DataError
from sbp.runs import device_queue, store
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec import ConfigError
from sbp.training.loop import Diverged
from sbp.worker import worker
from sbp.worker.outcome import explain_error
from sbp.worker.worker import Worker
from tests.runs.made import TINY, record
from tests.worker.done import again, work
from tests.worker.scripted import Scripted


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    monkeypatch.setattr(sbp.training.loop, "Training", Scripted)
    monkeypatch.setattr(sbp.data.datasets, "load", lambda name, progress=None: None)
    return lambda script: monkeypatch.setattr(Scripted, "script", staticmethod(script))


def test_a_run_goes_through_its_states_to_a_result(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    write = RunFolder.write_status

    def note(self: RunFolder, state: State, *rest: Any, **more: Any) -> None:
        states.append(str(state))
        write(self, state, *rest, **more)

    monkeypatch.setattr(RunFolder, "write_status", note)
    with store.create(TINY.replace(seed=4, preset="quick")) as folder:
        view = work(folder)
    assert list(dict.fromkeys(states)) == ["queued", "starting", "running", "finished"]
    assert view.message == "1.49 % test error at 11.0x fewer MACs (581)."
    assert [r.epoch for r in view.records()] == [1, 2, 3]
    assert view.snapshots().epochs.tolist() == [0, 1, 2, 3]
    assert view.meta["hardware"] == "a test"
    assert view.meta["created"] is not None
    assert view.has("model.safetensors")
    assert not view.has("checkpoint.safetensors"), "a finished run needs none"
    assert view.result is not None
    wanted = {
        "id": folder.id,
        "network": "lenet-500-300",
        "dataset": "digits",
        "method": "sbp",
        "preset": "quick",
        "seed": 4,
        "state": "finished",
        "device": "cpu",
        "epochs": 40,
        "hardware": "a test",
        "n_train": 200,
        "n_test": 360,
        "kl_weights": [1.0, 1.0, 1.0],
        "test_error_percent": 1.489,
        "kept": [3, 2, 1],
    }
    assert {key: view.result[key] for key in wanted} == wanted


def test_a_request_to_stop_is_heard_after_the_next_event_and_leaves_a_checkpoint(scripted: Any) -> None:
    with store.create(TINY) as folder:
        scripted(lambda epoch: (folder.path / "stop").touch() if epoch == 2 else None)
        view = work(folder)
        assert view.state is State.STOPPED
        assert view.resumable
        assert [r.epoch for r in view.records()] == [1, 2], "a record and its snapshot are not parted"
        assert view.snapshots().epochs.tolist() == [0, 1, 2]
        assert view.has("checkpoint.safetensors")
        assert view.has("model.safetensors")
    scripted(lambda epoch: None)
    view = again(view)
    assert view.state is State.FINISHED
    assert [r.epoch for r in view.records()] == [1, 2, 3]
    assert view.snapshots().epochs.tolist() == [0, 1, 2, 3]


def test_a_signal_is_a_request_to_stop(scripted: Any) -> None:
    with store.create(TINY) as folder:
        one = Worker(folder)
        scripted(lambda epoch: setattr(one, "signalled", True))
        assert one.run() is State.STOPPED


def test_checkpoints_are_taken_after_epochs_and_resume_cuts_to_them(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)

    def fail(epoch: int) -> None:
        if epoch == 3:
            raise SystemExit  # as good as a kill: nothing is written any more

    scripted(fail)
    with store.create(TINY) as folder:
        with pytest.raises(SystemExit):
            Worker(folder).run()
        folder.append_record(record(3))
    view = store.open_run(folder.id)
    assert view.state is State.LOST
    assert view.has("model.safetensors")
    scripted(lambda epoch: None)
    view = again(view)
    assert [r.epoch for r in view.records()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("error", "state", "sentence"),
    [
        (Diverged("The loss is NaN; halve noise_lr.", 1), State.DIVERGED, "The loss is NaN; halve noise_lr."),
        (ConfigError("epochs: no."), State.FAILED, "epochs: no."),
        (DataError("The file is cut."), State.FAILED, "The file is cut."),
        (
            MemoryError(),
            State.FAILED,
            "The device ran out of memory; try a batch_size of 50 instead of 100, or another device. "
            "The last epoch is kept.",
        ),
        (
            ZeroDivisionError("one\ntwo"),
            State.FAILED,
            "An unexpected ZeroDivisionError ended the run: one (see log.txt).",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_end_in_a_state_and_a_sentence(
    scripted: Any, error: Exception, state: State, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(epoch: int) -> None:
        if epoch == 2:
            raise error

    scripted(fail)
    with store.create(TINY) as folder:
        view = work(folder)
    assert (view.state, view.message) == (state, sentence)
    assert view.has("model.safetensors") is (state is State.DIVERGED or "memory" in sentence), "the last good epoch"
    assert [r.epoch for r in view.records()] == [1]
    assert "Traceback" in capsys.readouterr().err, "log.txt has it"


def test_running_out_of_the_devices_memory_is_said_in_plain_words() -> None:
    assert "out of memory" in explain_error(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"))


def test_a_full_disk_ends_the_worker_without_a_second_error(
    scripted: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with store.create(TINY) as folder:
        scripted(lambda epoch: monkeypatch.setattr(RunFolder, "write_status", full))
        monkeypatch.setattr(RunFolder, "append_record", full)
        Worker(folder).run()
    assert store.open_run(folder.id).state is State.LOST
    assert "No space left" in capsys.readouterr().err


def test_a_device_that_is_not_there_fails_before_the_queue(scripted: Any) -> None:
    from sbp.machine import devices

    absent = next(name for name in ("mps", "cuda") if devices.why_missing(name))
    with store.create(TINY.replace(device=absent)) as folder:
        view = work(folder)
    assert view.state is State.FAILED
    assert absent in view.message


def test_a_run_that_waits_for_the_cpu_holds_no_torch(runs_root: Path) -> None:
    """In a process of its own, as a worker is: here torch is imported already."""
    code = """
import sys
from sbp.runs import device_queue, store
from sbp.worker.worker import Worker
from tests.runs.made import TINY

with store.create(TINY) as folder:
    (path,) = device_queue.slot_paths(folder.path.parent, "cpu")
    lock = device_queue.Lock(path)
    worker, looks = Worker(folder), iter([False, False, True])
    worker.stop_asked = lambda: next(looks)
    print(worker.run(), next(looks, "waited"), "torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False
    )
    assert done.stdout.split() == ["stopped", "waited", "False"], done.stderr


def test_a_run_stopped_in_the_queue_needs_no_turn(scripted: Any, runs_root: Path) -> None:
    with store.create(TINY) as folder:
        (taken,) = device_queue.slot_paths(runs_root, "cpu")
        lock = device_queue.Lock(taken)
        (folder.path / "stop").touch()
        view = work(folder)
        lock.release()
    assert (view.state, view.message) == (State.STOPPED, "Stopped before its first step.")
    assert again(view).state is State.FINISHED


def test_a_corrupt_checkpoint_fails_with_its_name(scripted: Any) -> None:
    with store.create(TINY) as folder:
        (folder.path / "checkpoint.safetensors").write_bytes(b"x" * 100)
        view = work(folder)
    assert view.state is State.FAILED
    assert "checkpoint.safetensors" in view.message


def test_a_download_shows_and_can_be_stopped(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    said = []

    def load(name: str, progress: Any) -> None:
        progress("images.gz", 3_100_000, 9_900_000)
        said.append(store.open_run(folder.id).message)
        (folder.path / "stop").touch()
        progress("images.gz", 3_200_000, 9_900_000)

    monkeypatch.setattr(sbp.data.datasets, "load", load)
    with store.create(TINY) as folder:
        assert work(folder).state is State.STOPPED
    assert said == ["Downloads images.gz: 3.1 of 9.9 MB."]


def test_the_command_line_of_the_worker(
    scripted: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(worker.os, "getsid", lambda pid: 1)  # a session of others, whose priority is left alone
    group = Path("/proc/self/autogroup")
    priority = group.read_text() if group.exists() else ""
    try:
        with store.create(TINY) as folder:
            pass
        assert worker.main(str(folder.path)) == 0
        assert store.open_run(folder.id).state is State.FINISHED
        scripted(lambda epoch: 1 / 0)
        with store.create(TINY) as folder:
            pass
        assert worker.main(str(folder.path)) == 1
        assert not group.exists() or group.read_text() == priority
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
