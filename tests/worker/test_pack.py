"""Several runs in one process: each ends as it does alone, and as somebody asked it to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import sbp.training.loop
from sbp.runs import device_queue, launcher, store
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from sbp.worker.pack import Pack
from sbp.worker.worker import Worker
from tests.runs.made import TINY
from tests.runs.test_launcher import no_worker_is_left, over, wait  # noqa: F401
from tests.worker.done import without_time

# 13 steps an epoch: the first steps of each phase are looked at.
CONFIGS = [TINY.replace(epochs=3, seed=seed, pretrain_epochs=1, batch_size=15) for seed in (0, 1)]


def alone(config: RunConfig) -> RunView:
    with store.create(config) as folder:
        assert Worker(folder).run() is State.FINISHED
    return store.open_run(folder.id)


def packed(configs: list[RunConfig], together: int) -> tuple[list[State], list[RunView]]:
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(store.create(config)) for config in configs]
        states = Pack(folders, together).run()
    return states, [store.open_run(folder.id) for folder in folders]


def equal(view: RunView, other: RunView) -> None:
    """The law: the same records, noise, weights and result, whatever ran beside it."""
    assert without_time(view.records()) == without_time(other.records())
    for name in ("noise.f32", "steps.jsonl", "steps.f32"):
        assert (view.folder / name).read_bytes() == (other.folder / name).read_bytes()
    assert view.model_path is not None
    assert other.model_path is not None
    ours, theirs = load_file(view.model_path), load_file(other.model_path)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        np.testing.assert_array_equal(ours[name], theirs[name])
    assert view.result is not None
    assert other.result is not None
    timeless = {"id", "seconds"}
    assert {k: v for k, v in view.result.items() if k not in timeless} == {
        k: v for k, v in other.result.items() if k not in timeless
    }


@pytest.mark.parametrize("together", [1, 2], ids=["one after another", "at once"])
def test_runs_in_a_pack_end_as_they_do_alone(together: int) -> None:
    states, views = packed(CONFIGS, together)
    assert states == [State.FINISHED, State.FINISHED]
    for view, config in zip(views, CONFIGS, strict=True):
        equal(view, alone(config))
        assert view.meta["pack_runs"] == 2
        assert view.meta["pack_seconds"] > 0


def test_two_runs_in_one_worker_process_end_as_they_do_alone() -> None:
    ids = launcher.start_pack(CONFIGS)
    assert len(launcher._children) == 1
    for run_id, config in zip(ids, CONFIGS, strict=True):
        view = wait(run_id, over)
        assert view.state is State.FINISHED, view.log_tail()
        equal(view, alone(config))


def test_a_run_that_fails_leaves_the_others_alone_and_its_log_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    real = sbp.training.loop.Training

    def build(config: RunConfig, *rest: Any) -> Any:
        if config.seed == 0:
            raise ZeroDivisionError("planted")
        return real(config, *rest)

    monkeypatch.setattr(sbp.training.loop, "Training", build)
    states, (first, second) = packed(CONFIGS, 2)
    assert states == [State.FAILED, State.FINISHED]
    assert "planted" in first.log_tail()
    assert second.log_tail() == ""
    assert "pack_runs" not in first.meta
    assert second.meta["pack_runs"] == 1


def test_one_is_stopped_while_it_waits_and_the_pack_by_a_signal() -> None:
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(store.create(config)) for config in CONFIGS]
        (folders[1].path / "stop").touch()
        assert Pack(folders).run() == [State.FINISHED, State.STOPPED]
    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(store.create(config)) for config in CONFIGS]
        pack = Pack(folders)
        pack.signalled = True
        assert pack.run() == [State.STOPPED, State.STOPPED]


def test_a_pack_takes_its_devices_turn_once(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bool] = []
    write = Worker.move

    def look(self: Worker, *rest: Any) -> None:
        (path,) = device_queue.slot_paths(runs_root, "cpu")
        taken.append(device_queue.is_locked(path))
        write(self, *rest)

    monkeypatch.setattr(Worker, "move", look)
    packed(CONFIGS, 1)
    assert taken == [True] * 6
    (path,) = device_queue.slot_paths(runs_root, "cpu")
    assert not device_queue.is_locked(path)


def test_a_device_that_is_not_there_fails_each_with_its_sentence() -> None:
    from sbp.machine import devices

    absent = next(name for name in ("mps", "cuda") if devices.why_missing(name))
    states, views = packed([config.replace(device=absent) for config in CONFIGS], 2)
    assert states == [State.FAILED, State.FAILED]
    assert all(absent in view.message for view in views)


def test_runs_of_different_devices_make_no_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="expected runs that ask for one device, got auto, cpu"):
        launcher.start_pack([TINY, TINY.replace(device="auto")])
    assert {view.state for view in store.list_runs(recorded=False)} == {State.FAILED}
    assert launcher._children == []


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """What a worker would have been started with, without starting it."""
    seen: dict[str, str] = {}

    class Never:
        def __init__(self, *_: object, env: dict[str, str], **__: object) -> None:
            seen.update(env)

        def poll(self) -> int:
            return 0

    monkeypatch.setattr(launcher.subprocess, "Popen", Never)
    yield seen
    launcher._children.clear()


@pytest.mark.parametrize(("visible", "given"), [("", "1"), ("3,5", "5")])
def test_a_pack_is_put_on_one_of_the_visible_gpus(
    visible: str, given: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    launcher.start_pack(CONFIGS, together=4, gpu=1)
    assert environment["CUDA_VISIBLE_DEVICES"] == given
    assert (environment["SBP_PLACE"], environment["SBP_PACK"]) == ("gpu-1", "4")
    assert len(environment["SBP_LOCK_FD"].split(",")) == 2


@pytest.mark.parametrize(("wanted", "gpu", "threads"), [(1, None, None), (1, 0, "1"), (2, None, "1"), (2, 1, "1")])
def test_processes_beside_each_other_have_one_cpu_thread(
    wanted: int, gpu: int | None, threads: str | None, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS")
    launcher.start_pack(CONFIGS[:wanted], gpu=gpu)
    assert environment.get("OMP_NUM_THREADS") == threads


def test_each_gpu_has_a_queue_of_its_own(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.create(TINY) as first, store.create(TINY) as second:
        first.write_status("queued", device="cuda", place="gpu-0")
        monkeypatch.setenv("SBP_PLACE", "gpu-1")
        assert device_queue.runs_ahead(second, "cuda") == []
        assert device_queue.slot_paths(runs_root, "cuda") == [runs_root / ".device-cuda-gpu-1.lock"]
        monkeypatch.setenv("SBP_PLACE", "gpu-0")
        assert device_queue.runs_ahead(second, "cuda") == [first.id]
