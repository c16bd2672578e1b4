"""What a run's files say is text on every page: no picture, link, colour, formula, icon or markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pages.router import PAGES
from pages.shared.outside import md, quoted
from pages.your_network import noise_files
from sbp.cli import app
from sbp.compaction.run import CompactedRun
from sbp.export.files import exported
from sbp.runs import store
from tests.faults.live import LIVE, live, said
from tests.faults.test_fuzz import FINISHED
from tests.faults.test_fuzz import originals as trained
from tests.faults.torture import times
from tests.made_up import write_run
from tests.pages.opened import healthy, opened

__all__ = ["trained"]  # a fixture of theirs that is ours too
EVIL = " ".join(LIVE)
STATES = ("finished", "failed", "queued", "running", "stopped", "diverged", "lost", "starting", "stopping")


def test_it_finds_what_is_live_and_what_is_not() -> None:
    for text in LIVE:
        assert live(f"Said: {text}."), text
        assert not live(f"Said: {md(text)}."), md(text)
        assert not live(f"Said: {quoted(text, 400)}."), quoted(text, 400)


def change(run: Any, file: str, **values: Any) -> None:
    path = run.folder / file
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **values}))


@pytest.mark.parametrize("state", STATES[: times(3, len(STATES))])
def test_what_a_run_says_is_text(state: str, runs_root: Path, recorded_none: None) -> None:
    held = state in ("running", "queued", "starting", "stopping")
    run = write_run(runs_root, state, epochs=6, epochs_done=3, hold=held, message=EVIL, log=EVIL)
    view = store.open_run(run.id)
    change(view, "config.json", preset=EVIL)
    change(view, "meta.json", hardware=EVIL, data_source=EVIL, noise_kernel=EVIL, versions={"torch": EVIL}, commit=EVIL)
    row = {"variant": "dense", "batch": 1, "median_seconds": 0.1, "iqr_seconds": 0.0, "n": 5}
    measured = {"device": "cpu", "hardware": EVIL, "threads": 1, "versions": {"torch": EVIL}, "rows": [row]}
    change(view, "speed.json", measurements=[measured])
    assert store.open_run(run.id).problem == ""
    shown = {(page, text) for page in PAGES for text in said(healthy(opened(page, run=run.id)))}
    assert not [(page, text[:60]) for page, text in shown if live(text)]
    assert any(page == "train" and "evil" in text for page, text in shown)
    for words in (["show", run.id], ["runs", "--live"]):
        assert CliRunner().invoke(app, words).exit_code == 0
    if held:
        run.close()


def test_what_a_run_says_is_text_in_its_model_card(trained: dict[str, dict[str, bytes]], runs_root: Path) -> None:
    run = write_run(runs_root, epochs=3)
    for name, content in trained[FINISHED].items():
        (run.folder / name).write_bytes(content)
    change(run, "config.json", preset=EVIL)
    change(run, "meta.json", hardware=EVIL, data_source=EVIL, versions={"torch": EVIL}, commit=EVIL)
    (run.folder / "result.json").unlink()
    card = exported(store.open_run(run.id), "safetensors").card
    assert "evil" in card
    assert not live(card.partition("## Config")[0])


@pytest.mark.parametrize("apart", [1.0, float("nan")])
def test_no_file_is_written_of_a_cut_that_does_not_agree(
    apart: float, trained: dict[str, dict[str, bytes]], runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(runs_root, epochs=3)
    for name, content in trained[FINISHED].items():
        (run.folder / name).write_bytes(content)
    seen = {"images": 1, "equal_predictions": 1, "largest_difference": apart}
    monkeypatch.setattr(CompactedRun, "agreement", lambda self, images: seen)
    out = tmp_path / "compact.safetensors"
    result = CliRunner().invoke(app, ["compact", run.id, "--out", str(out)])
    assert result.exit_code == 1
    assert "no file is written" in result.stderr
    assert not out.exists()


def test_the_sentence_about_a_bad_file_is_text(runs_root: Path, recorded_none: None) -> None:
    run = write_run(runs_root, epochs=3)
    change(run, "meta.json", n_train=EVIL)
    assert "http" in store.open_run(run.id).problem
    for page in ("runs", "train", "channels"):
        assert not any(map(live, said(healthy(opened(page, run=run.id)))))


def test_a_name_that_is_an_address_is_refused(runs_root: Path) -> None:
    run = write_run(runs_root, epochs=3)
    described = json.loads((run.folder / "description.json").read_text())
    for name in ("www.evil.test", "[x](y)", ":smile:", "<b>"):
        change(run, "description.json", **{**described, "title": name})
        assert "description.json" in store.open_run(run.id).problem


def test_a_file_that_is_brought_in_is_text() -> None:
    for text in LIVE:
        run_id, problem = noise_files.opened(text.encode())
        assert run_id == ""
        assert not live(md(problem))


@pytest.fixture
def recorded_none(recordings: Path) -> None:
    """Without recordings the pages show this run."""
