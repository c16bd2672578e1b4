"""Recorded runs: the same folder with fewer snapshots, bit by bit those of the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.compaction import compact, masks_of
from sbp.compaction.weights import network_of
from sbp.runs import recording, store
from sbp.runs.filenames import META
from sbp.runs.files import read_json, write_json
from sbp.runs.recording import thinned
from sbp.runs.states import State
from tests.made_up import write_run
from tests.made_up_weights import with_weights


@pytest.mark.parametrize("count", [1, 2, 5, 63, 64, 65, 121, 201, 1000])
@pytest.mark.parametrize("rows", [2, 8, 64])
def test_thinning_keeps_both_ends_and_is_denser_at_the_beginning(count: int, rows: int) -> None:
    chosen = thinned(np.arange(count), rows)
    assert len(chosen) == min(count, rows)
    assert (chosen[0], chosen[-1]) == (0, count - 1)
    gaps = np.diff(chosen)
    assert (gaps >= 1).all()
    assert (np.diff(gaps) >= -1).all()  # growing, up to the rounding of a place


def test_a_recording_is_the_run_with_fewer_snapshots(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    folder = recording.record(run, "kept", tmp_path / "assets", rows=5)
    kept = store.RunView(folder, recorded=True)
    before, after = run.snapshots(), kept.snapshots()
    places = [list(before.epochs).index(epoch) for epoch in after.epochs]
    assert len(places) == 5
    for name in before.loc:
        np.testing.assert_array_equal(after.loc[name], before.loc[name][places])
        np.testing.assert_array_equal(after.log_scale[name], before.log_scale[name][places])
    assert [r.to_dict() for r in kept.records()] == [r.to_dict() for r in run.records()]
    assert kept.state is State.FINISHED
    assert kept.config == run.config
    assert kept.summary() == {**run.summary(), "id": "kept", "message": kept.message}
    assert kept.meta["recorded_from"] == run.id
    assert kept.meta["data_source"] == "scikit-learn's digits, upscaled to 28 x 28."


def test_a_recording_has_the_first_steps_thinned_as_the_epochs_are(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", early=True)
    kept = store.RunView(recording.record(run, "kept", tmp_path / "assets", rows=2), recorded=True)
    assert kept.problem == ""
    assert kept.step_records() == run.step_records()
    before, after = run.step_snapshots(), kept.step_snapshots()
    assert (before.epochs.tolist(), after.epochs.tolist()) == ([3, 6, 9], [3, 9])
    for name in before.loc:
        np.testing.assert_array_equal(after.log_scale[name], before.log_scale[name][[0, 2]])
    assert recording.record(write_run(tmp_path / "runs", epochs=2), "old", tmp_path / "assets").is_dir()


def test_a_recording_does_not_say_where_the_data_lay(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs")
    source = "MNIST, 60,000 training and 10,000 test images, read from /home/somebody/data/mnist."
    write_json(run.folder / META, {**run.meta, "data_source": source})
    folder = recording.record(store.open_run(run.id, tmp_path / "runs"), "kept", tmp_path / "assets")
    assert read_json(folder / META)["data_source"] == "MNIST, 60,000 training and 10,000 test images."


def test_a_recording_replaces_an_older_one_of_its_name(tmp_path: Path) -> None:
    root = tmp_path / "assets"
    for seed in (1, 2):
        recording.record(write_run(tmp_path / "runs", seed=seed), "kept", root)
    assert [path.name for path in root.iterdir()] == ["kept"]
    assert store.RunView(root / "kept", recorded=True).config.seed == 2


def test_only_a_finished_run_is_recorded(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", state=State.STOPPED)
    with pytest.raises(store.BadRequest, match="Only a finished run can be recorded, and .* is stopped"):
        recording.record(run, "kept", tmp_path / "assets")
    assert not (tmp_path / "assets").exists()


def test_a_recording_of_kept_units_alone_is_smaller_and_computes_the_same(runs_root: Path, tmp_path: Path) -> None:
    run = with_weights(write_run(runs_root))
    whole = recording.record(run, "whole", tmp_path / "assets")
    kept = recording.record(run, "kept", tmp_path / "assets", kept_only=True)
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (whole, kept)]
    assert sizes[1] < sizes[0]
    images = torch.rand(5, 1, 28, 28)
    networks = [network_of(run.config, folder / "model.safetensors") for folder in (whole, kept)]
    masks = masks_of(networks[0])
    assert not all(bool(mask.all()) for mask in masks.values())
    with torch.no_grad():
        first, second = (compact(network)(images) for network in networks)
    torch.testing.assert_close(second, first, rtol=1e-6, atol=1e-7)
