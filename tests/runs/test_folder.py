"""What the writer puts on disk comes back, whatever was cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sbp.runs import store
from sbp.runs.files import BadFile, Locked
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec import RunConfig
from tests.runs.made import TINY, progress, record, snapshot, step_snapshot


@pytest.fixture
def folder() -> Iterator[RunFolder]:
    with store.create(TINY) as made:
        yield made


def fill(folder: RunFolder, epochs: int) -> None:
    folder.append_snapshot(snapshot(folder, 0))
    for epoch in range(1, epochs + 1):
        folder.append_record(record(epoch))
        folder.append_snapshot(snapshot(folder, epoch))


def test_records_and_snapshots_come_back(folder: RunFolder) -> None:
    fill(folder, 3)
    view = store.open_run(folder.id)
    assert view.records() == [record(epoch) for epoch in (1, 2, 3)]
    snapshots = view.snapshots()
    assert len(snapshots) == 4
    assert snapshots.epochs.tolist() == [0, 1, 2, 3]
    for epoch in range(4):
        for name, values in snapshot(folder, epoch).loc.items():
            np.testing.assert_array_equal(snapshots.loc[name][epoch], values.astype(np.float32))
            np.testing.assert_array_equal(snapshots.log_scale[name][epoch], (-values / 100).astype(np.float32))


def test_noise_rows_have_the_written_layout(folder: RunFolder) -> None:
    folder.append_snapshot(snapshot(folder, 5))
    raw = np.frombuffer((folder.path / "noise.f32").read_bytes(), "<f4")
    assert raw.size == 1 + 2 * (784 + 8 + 8)
    assert raw[0] == 5
    assert raw[1 + 784] == 5, "dense1 follows the 784 pixels"
    assert raw[1 + 800] == np.float32(-0.05), "log sigma follows every mu"


def test_first_steps_come_back_beside_epochs_whose_files_do_not_change(folder: RunFolder) -> None:
    fill(folder, 1)
    before = [(folder.path / name).read_bytes() for name in ("records.jsonl", "noise.f32")]
    shots = [step_snapshot(folder, step, noisy=step > 10) for step in (10, 20, 30)]
    for shot in shots:
        folder.append_step(shot)
    view = store.open_run(folder.id)
    assert view.problem == ""
    assert view.step_records() == [shot.record for shot in shots]
    found = view.step_snapshots()
    assert found.epochs.tolist() == [20, 30]
    np.testing.assert_array_equal(found.loc["dense1"][1], shots[2].loc["dense1"].astype(np.float32))
    assert [(folder.path / name).read_bytes() for name in ("records.jsonl", "noise.f32")] == before


def test_first_steps_are_cut_to_what_a_checkpoint_covers(folder: RunFolder) -> None:
    for step, noisy in ((10, False), (20, True), (30, True)):
        folder.append_step(step_snapshot(folder, step, noisy))
        if step == 20:
            folder.write_checkpoint({"w": np.zeros(1)}, {})
    folder.read_checkpoint()
    view = store.open_run(folder.id)
    assert [it.step for it in view.step_records()] == [10, 20]
    assert view.step_snapshots().epochs.tolist() == [20]
    folder.remove("checkpoint.safetensors")
    folder.read_checkpoint()
    view = store.open_run(folder.id)
    assert view.step_records() == []
    assert len(view.step_snapshots()) == 0


def test_a_cut_end_is_left_out_by_readers_and_removed_by_the_next_writer(folder: RunFolder) -> None:
    fill(folder, 2)
    folder.write_checkpoint({"w": np.zeros(1)}, {})
    with open(folder.path / "records.jsonl", "ab") as file:
        file.write(b'{"epoch": 3, "st')
    with open(folder.path / "noise.f32", "ab") as file:
        file.write(b"\0" * 10)
    view = store.open_run(folder.id)
    assert [r.epoch for r in view.records()] == [1, 2]
    assert view.snapshots().epochs.tolist() == [0, 1, 2]
    assert view.problem == ""
    folder.read_checkpoint()
    folder.append_record(record(3))
    folder.append_snapshot(snapshot(folder, 3))
    view = store.open_run(folder.id)
    assert [r.epoch for r in view.records()] == [1, 2, 3]
    assert view.snapshots().epochs.tolist() == [0, 1, 2, 3]


def test_a_run_without_anything_yet_is_empty_and_not_wrong(folder: RunFolder) -> None:
    view = store.open_run(folder.id)
    assert view.records() == []
    assert len(view.snapshots()) == 0
    assert view.snapshots().loc["input"].shape == (0, 784)
    assert (view.result, view.progress, view.log_tail(), view.problem) == (None, None, "", "")
    assert folder.last_snapshot_epoch() == -1


def test_a_checkpoint_comes_back_whatever_shape_and_type_its_arrays_have(folder: RunFolder) -> None:
    arrays: dict[str, np.ndarray] = {
        "scalar": np.array(3.5, np.float32),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "bytes": np.arange(5, dtype=np.uint8),
        "double": np.array([np.pi]),
        "empty": np.zeros((0, 4), np.float32),
    }
    folder.write_checkpoint(arrays, {"step": 7, "seconds": 1.25, "text": "log σ"})
    saved = folder.read_checkpoint()
    assert saved is not None
    tensors, state = saved
    assert state == {"step": 7, "seconds": 1.25, "text": "log σ"}
    assert set(tensors) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(tensors[name], array)
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape


def test_reading_a_checkpoint_cuts_what_came_after_it(folder: RunFolder) -> None:
    fill(folder, 2)
    folder.write_checkpoint({"w": np.ones(2)}, {})
    folder.append_record(record(3))
    folder.append_snapshot(snapshot(folder, 3))
    assert folder.read_checkpoint() is not None
    view = store.open_run(folder.id)
    assert [r.epoch for r in view.records()] == [1, 2]
    assert view.snapshots().epochs.tolist() == [0, 1, 2]
    assert folder.last_snapshot_epoch() == 2


def test_without_a_checkpoint_everything_starts_again(folder: RunFolder) -> None:
    fill(folder, 2)
    assert folder.read_checkpoint() is None
    view = store.open_run(folder.id)
    assert view.records() == []
    assert len(view.snapshots()) == 0


def test_a_cut_checkpoint_says_which_file_and_what_to_do(folder: RunFolder) -> None:
    folder.write_checkpoint({"w": np.ones(200)}, {})
    path = folder.path / "checkpoint.safetensors"
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(BadFile, match=r"checkpoint.safetensors .* delete it to train from the start"):
        folder.read_checkpoint()


def test_a_snapshot_of_the_wrong_size_is_refused(folder: RunFolder) -> None:
    wrong = snapshot(folder, 0)
    wrong.loc["dense1"] = np.zeros(7)
    with pytest.raises(ValueError, match="dense1: expected 8 units, got 7"):
        folder.append_snapshot(wrong)


def test_progress_and_extras_stay_until_they_are_given_again(folder: RunFolder) -> None:
    folder.write_status("running", "", progress(10), device="cpu")
    folder.write_status(State.STOPPING, "Saves a checkpoint.")
    view = store.open_run(folder.id)
    assert (view.state, view.message, view.device) == (State.STOPPING, "Saves a checkpoint.", "cpu")
    assert view.progress is not None
    assert view.progress["step"] == 10
    assert view.pid == os.getpid()


def test_only_one_writer_at_a_time(folder: RunFolder) -> None:
    with pytest.raises(Locked):
        RunFolder(folder.path)


def test_a_folder_without_a_config_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"config.json is missing"):
        RunFolder(tmp_path)


def test_every_field_of_a_config_survives_the_folder() -> None:
    config = RunConfig.flat(
        network="lenet-5-caffe",
        method="sbpa",
        kl_weights=(60, 60, 1, 1),
        widths=(4, 5, 6),
        random_labels=True,
    )
    with store.create(config) as folder:
        view = store.open_run(folder.id)
        assert view.config == folder.config == config
        assert [layer.units for layer in view.layers] == [4, 5, 80, 6]
        assert view.layers[2].parent == "conv2"


def test_the_model_says_what_it_is_of(folder: RunFolder) -> None:
    from safetensors import safe_open

    assert store.open_run(folder.id).model_path is None
    folder.write_model({"dense1.weight": np.ones((8, 784), np.float32)})
    path = store.open_run(folder.id).model_path
    assert path is not None
    with safe_open(str(path), framework="numpy") as file:
        told = file.metadata()
        assert len(told.pop("sha256")) == 64
        assert told == {"network": "lenet-500-300", "widths": "[8, 8]", "run": folder.id}
        assert file.get_tensor("dense1.weight").shape == (8, 784)
