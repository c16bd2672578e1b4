"""Real trainings by a worker in this process: stopped, resumed, diverged, and with methods without noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sbp.data.datasets
import sbp.training.loop
from sbp.compaction.run import compact_run
from sbp.runs import store
from sbp.runs.filenames import STEP_NOISE, STEPS
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.worker import worker
from sbp.worker.worker import Worker
from tests.runs.made import TINY
from tests.worker.done import again, without_time, work


@pytest.mark.parametrize("stop_after", [1, 3, 9, 13, 27], ids=lambda events: f"{events} events")
def test_a_resumed_run_equals_one_that_was_never_stopped(stop_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TINY.replace(epochs=4, pretrain_epochs=1, batch_size=15)  # 13 steps an epoch: 10 is looked at
    monkeypatch.setattr(sbp.training.loop, "PROGRESS_EVERY", 0.0)
    with store.create(config) as folder:
        whole = work(folder)
    with store.create(config) as folder:
        one, heard = Worker(folder), iter(range(1, 100))
        # The queue and the loading ask too: count from the first event on.
        monkeypatch.setattr(one, "stop_asked", lambda: one.state is State.RUNNING and next(heard) >= stop_after)
        assert one.run() is State.STOPPED
    view = again(store.open_run(folder.id))
    assert view.state is State.FINISHED
    assert without_time(view.records()) == without_time(whole.records())
    ours, theirs = view.snapshots(), whole.snapshots()
    np.testing.assert_array_equal(ours.epochs, theirs.epochs)
    for name in theirs.loc:
        np.testing.assert_array_equal(ours.loc[name], theirs.loc[name])
        np.testing.assert_array_equal(ours.log_scale[name], theirs.log_scale[name])
    assert view.step_records() == whole.step_records()
    assert [record.step for record in view.step_records()] == [10, 23, 33, 43, 53, 63]
    assert view.step_snapshots().epochs.tolist() == [23, 33, 43, 53, 63]
    for name in (STEPS, STEP_NOISE):
        assert (view.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert view.result is not None
    assert whole.result is not None
    assert view.result["test_error_percent"] == whole.result["test_error_percent"]


def test_numbers_that_are_no_longer_finite_end_as_diverged_with_the_last_good_epoch() -> None:
    from safetensors.numpy import load_file

    with store.create(TINY.replace(lr=1e30, epochs=3)) as folder:
        view = work(folder)
    assert view.state is State.DIVERGED
    assert "learning rate" in view.message
    assert not view.resumable
    assert view.model_path is not None
    assert all(np.isfinite(values).all() for values in load_file(view.model_path).values())


def test_a_run_without_noise_is_checkpointed_too_and_has_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """No snapshot tells of its epochs' ends, and there is no SNR to put a threshold on."""
    monkeypatch.setattr(sbp.training.loop, "PROGRESS_EVERY", 0.0)
    monkeypatch.setattr(worker, "CHECKPOINT_SECONDS", 0.0)
    saved: list[int] = []
    write = RunFolder.write_checkpoint

    def note(self: RunFolder, tensors: Any, state: Any) -> None:
        saved.append(int(state["step"]))
        write(self, tensors, state)

    monkeypatch.setattr(RunFolder, "write_checkpoint", note)
    with store.create(TINY.replace(method="original", epochs=3)) as folder:
        view = work(folder)
    assert view.state is State.FINISHED, view.message
    assert saved == [1, 3, 5], "between the two steps of each epoch"
    assert len(view.snapshots()) == 0
    assert not view.has("sweep.json")


@pytest.mark.parametrize("method", ["sparse-vd", "ssl", "binary-dropout"])
def test_a_run_without_noise_on_units_is_resumed_and_stored_like_any_other(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"group_penalty": 0.01} if method == "ssl" else {}
    config = TINY.replace(method=method, epochs=2, finetune_epochs=2, **own)
    monkeypatch.setattr(sbp.training.loop, "PROGRESS_EVERY", 0.0)
    with store.create(config) as folder:
        whole = work(folder)
    with store.create(config) as folder:
        one = Worker(folder)
        monkeypatch.setattr(one, "stop_asked", lambda: one.state is State.RUNNING and one.training.phase == "finetune")
        assert one.run() is State.STOPPED
    view = again(store.open_run(folder.id))
    assert view.state is whole.state is State.FINISHED
    assert without_time(view.records()) == without_time(whole.records())
    assert len(view.snapshots().epochs) == 0
    assert view.sweep() is None, "its units have no score to put a threshold on"
    assert view.result is not None
    cut = compact_run(view.config, view.model_path)
    assert cut.figures()["kept"] == view.result["kept"]
