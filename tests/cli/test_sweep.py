"""python -m sbp sweep, on runs whose weights were made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp.networks.registry import build
from sbp.networks.tensors import file_tensors
from sbp.runs import store
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from tests.cli.shell import sbp
from tests.made_up import write_run

WIDTHS = (6, 4)


def with_weights(root: Path, state: State = State.FINISHED) -> Any:
    view = write_run(root, state, widths=WIDTHS, validation_size=40)
    network = build("lenet-500-300", WIDTHS)
    tensors = {name: tensor.detach().numpy() for name, tensor in file_tensors(network).items()}
    with RunFolder(view.folder) as folder:
        folder.write_model(tensors)
    return store.open_run(view.id, root)


def test_it_tries_the_thresholds_of_a_run_with_weights_and_keeps_what_it_found(runs_root: Path) -> None:
    view = with_weights(runs_root, State.STOPPED)
    assert view.sweep() is None
    result = sbp("sweep", view.id, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["objects"], found["n"]) == ("validation", 40)
    again = store.open_run(view.id)
    assert again.sweep() == found
    assert again.state is State.STOPPED


def test_people_get_a_line_a_criterion(runs_root: Path) -> None:
    result = sbp("sweep", with_weights(runs_root).id)
    assert result.exit_code == 0, result.stderr
    header, *lines = result.stdout.splitlines()
    assert header.split()[:3] == ["criterion", "threshold", "kept"]
    assert [line.split("  ")[0] for line in lines[:5]] == ["SNR", "BMRS_N", "BMRS_U", "L1 norm", "Random"]
    assert all("784–6–4" in line and "1.0x" in line for line in lines[:5])
    assert lines[5] == "Errors on 40 held-out images."


def test_a_recording_is_read_and_not_written(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    view = with_weights(runs_root)
    monkeypatch.setattr(store, "recorded_root", lambda: runs_root)
    monkeypatch.setenv("SBP_RUNS", str(tmp_path / "live"))
    assert store.find_run(view.id).recorded
    out = tmp_path / "sweep.json"
    result = sbp("sweep", view.id, "--json", "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert json.loads(out.read_text()) == json.loads(result.stdout)
    assert sbp("sweep", view.id).exit_code == 0
    assert not (view.folder / "sweep.json").exists()


def test_it_says_why_not(runs_root: Path) -> None:
    for verb in ("sweep", "attribute"):
        result = sbp(verb, write_run(runs_root, seed=2, method="ssl").id)
        assert result.exit_code == 2
        assert "which learns no noise, so its units have no SNR" in " ".join(result.stderr.split())
    result = sbp("sweep", write_run(runs_root).id)
    assert result.exit_code == 2
    assert "has no weights yet" in " ".join(result.stderr.split())
    with write_run(runs_root, State.RUNNING, seed=1, hold=True) as folder:
        result = sbp("sweep", folder.id)
    assert result.exit_code == 2
    assert "is running; a sweep is made when it ends" in " ".join(result.stderr.split())
