"""First steps between the epochs: frames of the film, points of the curves, and nothing else of a run changes."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pages.shared import film as pictures
from sbp.runs import store
from sbp.spec.records import StepRecord, StepSnapshot
from sbp.viz import bound, film, kept, tables, twins
from sbp.viz.frames import loss_curve, steps_table
from tests.made_up import config, step_snapshot, trajectory, write_run

AT = [0, 0.25, 0.5, 0.75, *range(1, 13)]


def test_a_film_has_them_before_the_first_epoch(early: tables.RunTables, early_run: Any) -> None:
    packed = film.pack(early, config(), focus="dense1")
    assert packed["epochs"] == AT
    assert packed["steps"] == [0, 3, 6, 9, *[0] * 12]
    shots, steps = early_run.snapshots(), early_run.step_records()
    layer = packed["layers"][1]
    level = np.stack([np.frombuffer(base64.b64decode(frame), "u1") for frame in layer["levels"]])
    for row in range(1, 4):
        assert (level[row] >= film.ONE).sum() == steps[row - 1].kept[1] == layer["kept"][row]
    assert np.array_equal(level[[0, *range(4, 16)]], film.levels(early.snr["dense1"]))
    assert len(shots) == 13
    assert "at step 6:" in packed["sentences"][2]
    assert "since step 9" in packed["sentences"][4]
    whole = film.pack(early, config())
    assert [said.split(":")[0] for said in whole["sentences"][1:5]] == ["Step 3", "Step 6", "Step 9", "Epoch 1"]


def test_the_epochs_numbers_are_those_of_a_run_without_them(early: tables.RunTables, found: tables.RunTables) -> None:
    assert early.epochs.tolist() == found.epochs.tolist()
    for name in found.snr:
        assert np.array_equal(early.snr[name], found.snr[name])
        assert np.array_equal(early.death[name], found.death[name])
    assert found.frames.at.tolist() == list(range(13))
    assert found.steps.empty
    assert found.loss_curve["epoch"].tolist() == found.records["epoch"].tolist()
    assert found.fell["dense1"] is found.death["dense1"]


def test_units_are_ordered_by_the_step_that_they_fell_at(tmp_path: Path) -> None:
    """Of a layer that is lost within an epoch, the picture of which would else be without an order."""
    run = write_run(tmp_path, early=True, epochs=2, noise_lr=0.5)
    one = tables.tables(run)
    for name in one.snr:
        order = one.order(name)
        assert (np.diff(one.fell[name][order].astype(np.int64)) <= 0).all()
        fell_early = one.fell[name] < 4
        assert (one.death[name][fell_early] <= 1).all()


def test_steps_are_counted_within_their_phase() -> None:
    """After 2 epochs of pretraining, of 50 steps each."""
    records = [
        StepRecord(20, -1.6, "pretrain", 2.0, 0.0, 0.0, 2.0, None),
        StepRecord(120, 0.4, "sbp", 1.0, 5.0, 5.0, 1.5, (3,)),
    ]
    table = steps_table(records, pretrain_epochs=2)
    assert table["number"].tolist() == [20, 20]
    assert table["kl_per_example"].tolist() == [0.0, 0.5]
    assert steps_table([], 0).empty


def test_an_epochs_mean_gives_way_to_steps_that_reach_its_second_half() -> None:
    names = ["epoch", "nll", "kl_per_example", "loss"]
    records = pd.DataFrame([(epoch, 9.0, 0.0, 9.0) for epoch in (-1, 0, 1, 2)], columns=names)
    steps = pd.DataFrame([(at, 1.0, 0.0, 1.0) for at in (-1.9, -1.1, -0.9, 0.2, 0.9, 1.1)], columns=names)
    assert loss_curve(records, steps)["epoch"].tolist() == [-1.9, -1.1, -0.9, 0, 0.2, 0.9, 1.1, 2]
    assert loss_curve(records, steps[:0])["epoch"].tolist() == [-1, 0, 1, 2]


def test_the_curves_have_them(early: tables.RunTables) -> None:
    packed = film.pack(early, config())
    assert packed["records"]["x"] == AT[1:]
    assert packed["records"]["nll"][:3] == [2.0, 1.7, 1.4]
    assert packed["records"]["nll"][3] is None  # epoch 1, whose steps say it
    assert packed["records"]["nll"][4] is not None
    assert packed["records"]["validation"][:3] == [None] * 3
    assert packed["records"]["validation"][3] is not None
    assert [at for at, _ in kept.counts(early)] == AT
    chart = bound.chart(early, 12).to_dict()
    at = {row["epoch"] for rows in chart["datasets"].values() for row in rows if "epoch" in row}
    assert {0.25, 0.5, 0.75} <= at


def test_a_run_in_its_first_epoch_has_pictures(tmp_path: Path) -> None:
    for method, noisy in (("sbp", True), ("binary-dropout", False)):
        writer = write_run(tmp_path, "running", epochs_done=0, hold=True, method=method)
        view = store.open_run(writer.id, tmp_path)
        assert pictures.has_pictures(view) == noisy
        path = trajectory(view.layers, view.config)
        for step in (3, 6):
            writer.append_step(step_snapshot(view.config, view.layers, step, *path(step / 12)))
        grown = store.open_run(writer.id, tmp_path)
        assert grown.data_stamp != view.data_stamp
        assert pictures.has_pictures(grown)
        packed = film.pack(tables.tables(grown), grown.config, live=True)
        assert packed["epochs"] == ([0, 0.25, 0.5] if noisy else [0.25, 0.5])
        assert packed["records"]["x"] == [0.25, 0.5]
        assert packed["records"]["top"] >= 2.0
        writer.close()


def test_a_row_without_its_record_waits_for_it(tmp_path: Path) -> None:
    writer = write_run(tmp_path, "running", epochs_done=0, hold=True)
    view = store.open_run(writer.id, tmp_path)
    path = trajectory(view.layers, view.config)
    writer.append_step(step_snapshot(view.config, view.layers, 3, *path(0.25)))
    records = (writer.path / "steps.jsonl").read_bytes()
    writer.append_step(step_snapshot(view.config, view.layers, 6, *path(0.5)))
    (writer.path / "steps.jsonl").write_bytes(records)
    assert tables.tables(store.open_run(writer.id, tmp_path)).frames.at.tolist() == [0, 0.25]
    writer.close()


@pytest.mark.parametrize("what", twins.WHAT)
def test_twins_show_them_on_their_clock(tmp_path: Path, what: str) -> None:
    one = write_run(tmp_path, epochs=6, random_labels=True, early=True)
    other = write_run(tmp_path, random_labels=True, method="binary-dropout", early=True)
    pair = twins.pair_of((one, other), ("SBP", "dropout"))
    packed = twins.pack(pair)
    assert packed["epochs"] == AT
    assert packed["steps"][1:4] == [3, 6, 9]
    assert packed["sentences"][2].startswith("Step 6: SBP keeps ")
    assert packed["sentences"][2].endswith("; dropout, NLL 1.70.")
    assert packed["sentences"][4].startswith("Epoch 1: ")
    accuracy, terms, units = packed["charts"]
    assert accuracy["series"][0]["x"][0] == 1
    assert terms["series"][0]["x"][:4] == [0.25, 0.5, 0.75, 2]
    assert units["series"][0]["x"][:4] == [0.25, 0.5, 0.75, 1]
    assert units["series"][1]["x"][0] == 1  # a method without noise does not say which units it keeps
    assert len(twins.table(pair)) == 18
    assert twins.chart(pair, what).to_dict()["layer"]


def test_pretraining_shows_its_nll_by_step(tmp_path: Path) -> None:
    writer = write_run(tmp_path, "running", epochs_done=0, hold=True, pretrain_epochs=2)
    for step, nll in ((3, 2.2), (6, 1.9)):
        record = StepRecord(step, step / 12 - 2, "pretrain", nll, 0.0, 0.0, nll, None)
        writer.append_step(StepSnapshot(record, {}, {}))
    run = store.open_run(writer.id, tmp_path)
    assert pictures.has_pictures(run)
    packed = film.pack(tables.tables(run), run.config, live=True)
    assert (packed["epochs"], packed["steps"]) == ([0], [0])
    assert packed["records"]["x"] == [-1.75, -1.5]
    assert packed["records"]["nll"] == [2.2, 1.9]
    writer.close()
