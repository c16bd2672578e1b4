"""Page Random labels: the twins on one clock, the race's two recipes, and what is said where a run is missing."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1.element_tree import Element

from pages.random_labels import run_pair
from sbp.runs import launcher, store
from sbp.runs.folder import RunFolder
from sbp.spec import RunConfig
from sbp.spec.presets import PRESETS
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, played, texts

PAGE = "random_labels"
_, (SBP, DROPOUT) = run_pair.RECORDED["recorded"]


def put(root: Path, name: str, **changes: Any) -> Any:
    """A run of random labels under a name of its own."""
    run = write_run(root, random_labels=True, network="lenet-5-caffe", **changes)
    shutil.move(run.folder, run.folder.with_name(name))
    return run


@pytest.fixture
def recordings(no_recordings: Path) -> Path:
    """The recorded twins, made up: SBP for 6 epochs, dropout for 12."""
    put(no_recordings, SBP, epochs=6)
    put(no_recordings, DROPOUT, method="binary-dropout")
    return no_recordings


def test_without_the_recordings_it_says_which_command_makes_them() -> None:
    at = healthy(opened(PAGE))
    assert run_pair.COMMAND in texts(at)
    assert labels(at).count("Start") == 2


def test_the_twins_share_one_clock(recordings: Path) -> None:
    at = healthy(opened(PAGE))
    given = played(at, run_pair.PLAYER)
    recording = given["film"]
    assert given["play"]
    assert recording["epochs"] == list(range(13))
    accuracy, terms, kept = recording["charts"]
    assert [(s["name"], s["x"][-1]) for s in accuracy["series"]] == [("SBP", 6), ("binary dropout", 12)]
    assert [s["name"] for s in terms["series"]] == ["SBP: N·NLL", "SBP: KL", "binary dropout: N·NLL"]
    sbp = store.open_run(SBP)
    last = sbp.records()[-1]
    assert last.train_error_percent is not None
    assert accuracy["series"][0]["y"][-1] == pytest.approx(100 - last.train_error_percent, abs=1e-3)
    assert terms["series"][0]["y"][-1] == pytest.approx(1297 * last.nll / 1000, abs=1e-3)
    assert terms["series"][1]["y"][-1] == pytest.approx(last.kl_weighted / 1000, abs=1e-3)
    assert kept["series"][0]["y"][-1] == pytest.approx(100 * sum(last.kept) / (20 + 50 + 800 + 500), abs=1e-3)
    assert terms["rules"][0]["y"] == pytest.approx(1.297 * math.log(10), abs=1e-3)
    assert f"SBP keeps {'–'.join(map(str, last.kept))}, " in recording["sentences"][-1]
    assert "binary dropout keeps" in recording["sentences"][-1]
    assert "1,297 training examples" in texts(at)


def test_the_twins_on_cifar_10_are_a_choice_of_their_own(recordings: Path) -> None:
    _, names = run_pair.RECORDED["vgg"]
    put(recordings, names[0], epochs=4)
    put(recordings, names[1], epochs=5, method="binary-dropout")
    assert healthy(opened(PAGE)).get("button_group")
    recording = played(healthy(opened(PAGE, pair="vgg")), run_pair.PLAYER)["film"]
    assert recording["epochs"] == list(range(6))


def test_the_epoch_of_the_link_is_where_the_clock_stands(recordings: Path) -> None:
    given = played(healthy(opened(PAGE, epoch="4")), run_pair.PLAYER)
    assert (given["epoch"], given["play"]) == (4, False)
    at = healthy(opened(PAGE, epoch="soon"))
    assert any("epoch = `'soon'`" in warning.value for warning in at.warning)


def test_ones_own_two_races_share_the_clock_too(recordings: Path, runs_root: Path) -> None:
    assert not healthy(opened(PAGE)).get("button_group")
    for name, noise_lr in (("memorise", 1e-2), ("collapse", 3e-2)):
        write_run(runs_root, random_labels=True, preset=name, lr=1e-3, noise_lr=noise_lr)
    at = healthy(opened(PAGE, pair="race"))
    accuracy = played(at, run_pair.PLAYER)["film"]["charts"][0]
    assert [series["name"] for series in accuracy["series"]] == ["collapse (30×)", "memorise (10×)"]
    unasked = played(healthy(opened(PAGE)), run_pair.PLAYER)["film"]["charts"][0]
    assert unasked["series"][0]["name"] == "SBP"


def test_a_twin_that_trains_is_followed(runs_root: Path) -> None:
    write_run(runs_root, random_labels=True, preset="memorise")
    writer = write_run(runs_root, "running", epochs_done=3, hold=True, random_labels=True, preset="collapse")
    try:
        recording = played(healthy(opened(PAGE)), run_pair.PLAYER)["film"]
    finally:
        writer.close()
    assert recording["live"]
    assert recording["total"] == 12


def test_a_race_starts_with_one_click(started: list[RunConfig]) -> None:
    at = opened(PAGE)
    at.button(key="start-lenet-500-300-collapse-race").click().run()
    (config,) = started
    assert config == PRESETS["lenet-500-300", "collapse"].on(config.data.dataset)
    assert healthy(at).session_state["run-shown"] in {run.id for run in store.list_runs()}


def test_both_start_with_one_click_and_are_awaited_on_this_page(
    monkeypatch: pytest.MonkeyPatch, recordings: Path, runs_root: Path
) -> None:
    started: list[RunFolder] = []

    def start(config: RunConfig, root: Path | None = None) -> str:
        started.append(store.create(config, runs_root))
        return started[-1].id

    monkeypatch.setattr(launcher, "start", start)
    at = opened(PAGE)
    try:
        healthy(at.button(key="start-both").click().run())
        assert [folder.config.preset for folder in started] == ["collapse", "memorise"]
        assert at.query_params["pair"] == "race"
        assert not at.warning
        assert "Queued." in at.get("progress")[0].proto.text
    finally:
        for folder in started:
            folder.close()


def test_figures_to_take_away_are_made_when_asked_for(recordings: Path) -> None:
    at = opened(PAGE)
    at.session_state["twins-files"] = True
    said = texts(healthy(at.run()))
    assert "a guess reaches 10 %" in said
    assert "nats per example" in said
    assert {"SVG", "PNG"} <= {b.label for b in at.get("download_button") if isinstance(b, Element)}
