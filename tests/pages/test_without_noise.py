"""Runs of methods without mu and sigma, and fine-tuned ones, on every page: right, or one early sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sbp.runs import store
from sbp.spec import METHODS, NOISE_METHODS
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts

PLAIN = [method for method in METHODS if method not in NOISE_METHODS]
ABOUT_NOISE = ("channels", "pixels", "threshold")


@pytest.mark.parametrize("method", PLAIN)
def test_train_shows_what_there_is_of_it(runs_root: Path, method: str) -> None:
    pruned_late: dict[str, Any] = {"epochs": 10, "finetune_epochs": 2} if method == "torch-pruning" else {}
    run = write_run(runs_root, method=method, **pruned_late)
    at = healthy(opened("train", run=run.id))
    given = played(at)
    assert [panel["kind"] for panel in given["panels"]] == ["chart", "network", "bound", "error"]
    recording = given["film"]
    assert not recording["noise"]
    assert recording["epochs"] == list(range(1, 13))
    (kept,) = recording["charts"]
    counts = run.records()[-1].kept
    assert [series["y"][-1] for series in kept["series"]] == pytest.approx(
        [100 * k / layer.units for k, layer in zip(counts, run.layers, strict=True)], abs=0.01
    )
    assert "no mu and sigma" in texts(at)
    assert "channels" not in [link.proto.page for link in at.get("page_link")]


@pytest.mark.parametrize("page", ABOUT_NOISE)
def test_a_page_about_noise_says_why_not_and_shows_another(runs_root: Path, page: str) -> None:
    other, plain = write_run(runs_root), write_run(runs_root, method="ssl", seed=3)
    at = healthy(opened(page, run=plain.id))
    (warning,) = (warning.value for warning in at.warning)
    assert "trained with SSL, which gives units no mu and sigma" in warning
    assert "Shown instead" in warning
    assert at.query_params["run"] == other.id
    assert plain.id not in at.selectbox(key=f"run-choice-{other.id}").options
    links = [link.proto for link in at.get("page_link") if link.proto.page == "train"]
    assert any(f"run={plain.id}" in link.query_string for link in links)


@pytest.mark.parametrize("page", ABOUT_NOISE)
def test_without_a_run_that_has_noise_a_page_says_so(runs_root: Path, page: str) -> None:
    plain = write_run(runs_root, method="original")
    at = healthy(opened(page, run=plain.id))
    assert "no mu and sigma" in " ".join(warning.value for warning in at.warning)
    assert "Start one on the page Train" in texts(at)
    assert not at.query_params.get("run", [plain.id]) or at.query_params["run"] == plain.id


def test_the_story_is_never_told_by_a_run_without_noise(no_recordings: Path) -> None:
    write_run(no_recordings, method="original", dataset="mnist")
    told = write_run(no_recordings)
    assert played(healthy(opened("story")), "story")["film"]["id"] == told.id


def test_runs_lists_it_by_its_method(runs_root: Path) -> None:
    run = write_run(runs_root, method="sparse-vd", preset="custom")
    at = healthy(opened("runs"))
    assert "SparseVD" in texts(at)
    verbs = [link.proto for link in at.get("page_link") if f"run={run.id}" in link.proto.query_string]
    assert [link.page for link in verbs] == ["train"]


def test_while_it_trains_nothing_is_said_of_a_first_prune(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True, method="binary-dropout")
    try:
        at = healthy(opened("train", run=writer.id))
    finally:
        writer.close()
    text = at.get("progress")[0].proto.text
    assert "Epoch 4 of 12" in text
    assert "prune" not in text


def test_before_its_first_epoch_it_says_when_pictures_come(runs_root: Path) -> None:
    run = write_run(runs_root, "stopped", epochs_done=0, method="original")
    at = healthy(opened("train", run=run.id))
    assert "after the first steps" in texts(at)


def test_fine_tuning_goes_on_after_the_main_phase(runs_root: Path) -> None:
    run = write_run(runs_root, epochs=6, finetune_epochs=4)
    recording = played(healthy(opened("train", run=run.id)))["film"]
    assert recording["epochs"] == list(range(11))
    assert (recording["total"], recording["tuned"]) == (10, 6)
    assert recording["sentences"][-1].startswith("Epoch 10: ")
    assert "held-out error" in recording["sentences"][-1]
    for page in ABOUT_NOISE:
        assert not healthy(opened(page, run=run.id)).warning
    assert not healthy(opened("channels", run=run.id, epoch="9")).warning
    assert (
        "epoch = `'11'`; expected a number from 0 to 10"
        in healthy(opened("channels", run=run.id, epoch="11")).warning[0].value
    )


def test_a_recording_of_a_preset_is_shown_before_others(no_recordings: Path) -> None:
    write_run(no_recordings, method="original", dataset="mnist")
    typical = write_run(no_recordings)
    write_run(no_recordings, preset="table-1-sbp", seed=7)
    write_run(no_recordings, random_labels=True)
    assert len(store.list_runs()) == 4
    for page in ABOUT_NOISE:
        assert healthy(opened(page)).query_params["run"] == typical.id
    assert played(healthy(opened("story")), "story")["film"]["id"] == typical.id
