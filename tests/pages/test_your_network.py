"""Page Your network: its snippets are the documentation's, a file becomes a run that pages open, others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.your_network import noise_files
from sbp.runs import noise_file, store
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, texts


def test_it_shows_the_snippets_and_what_is_refused() -> None:
    at = healthy(opened("your_network"))
    assert [tab.label for tab in at.tabs] == ["PyTorch", "Accelerate", "Lightning", "transformers"]
    said = texts(at)
    assert "sbp.track(" in said
    assert "LayerNorm" in said


def test_any_run_with_noise_can_be_taken_out(runs_root: Path) -> None:
    run = write_run(runs_root)
    at = healthy(opened("your_network"))
    at = healthy(at.selectbox(key="noise-run").select(run.id).run())
    assert at.get("download_button")


@pytest.mark.parametrize("page", ["channels", "threshold", "runs", "your_network", "pixels", "methods"])
def test_a_file_becomes_a_run_that_pages_open(runs_root: Path, page: str) -> None:
    run_id, problem = noise_files.opened(noise_file.of_run(write_run(runs_root)))
    assert problem == ""
    assert store.open_run(run_id, runs_root).problem == ""
    at = healthy(opened(page, run=run_id))
    assert not any("Shown instead" in warning.value for warning in at.warning)


def test_another_file_is_refused_in_a_sentence(runs_root: Path) -> None:
    run_id, problem = noise_files.opened(b"\x80\x04pickle")
    assert run_id == ""
    assert problem.startswith("Expected a file that sbp.save_noise wrote")
    assert store.list_runs(recorded=False, root=runs_root) == []
