"""Where attributions lie, which of them count, and the command that computes them, on a small real training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sbp.cli import app
from sbp.evaluation.attribution import rank_correlation
from sbp.runs import store
from sbp.runs.attributions import attribution_path, lock_path, write_attribution
from sbp.runs.files import Lock
from tests.made_up import write_run
from tests.pages.test_pixels import attribution_of, with_weights


def test_a_live_runs_lie_in_its_folder_and_count_for_its_weights_alone(runs_root: Path) -> None:
    run = with_weights(runs_root)
    assert run.attribution() is None
    found = attribution_of(run)
    assert write_attribution(run, found) == run.folder / "attribution.json" == attribution_path(run)
    assert run.attribution() == found
    write_attribution(run, {**found, "weights": "0" * 64})
    assert run.attribution() is None
    attribution_path(run).write_text('{"n": 2')
    assert run.attribution() is None


def test_a_recordings_own_lie_apart_and_come_first(runs_root: Path, tmp_path: Path) -> None:
    recording = store.RunView(with_weights(tmp_path / "recorded").folder, recorded=True)
    shipped = {**attribution_of(recording), "n": 1}
    (recording.folder / "attribution.json").write_text(json.dumps(shipped))
    assert recording.attribution() == shipped
    assert write_attribution(recording, attribution_of(recording)).parent == runs_root / ".attribution"
    found = recording.attribution()
    assert found is not None
    assert found["n"] == 200
    assert store.list_runs(recorded=False) == []  # the folder beside the runs is no run


def test_the_command_computes_ranks_and_keeps(runs_root: Path) -> None:
    run = with_weights(runs_root)
    done = CliRunner().invoke(app, ["attribute", run.id, "--per-class", "2", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["id"], said["n"], said["data"]) == (run.id, 20, "digits")
    found = run.attribution()
    assert found is not None
    assert {"id": run.id, **found} == said
    pixels = found["pixels"]
    lit = np.array(pixels["lit"], bool)
    assert lit.sum() == 780
    for method, values in pixels["maps"].items():
        assert np.isfinite(values).all()
        expected = rank_correlation(np.array(values), np.array(pixels["snr"]), lit)
        assert pixels["correlation"][method]["lit"] == expected
    np.testing.assert_array_equal(np.array(pixels["snr"]) >= 1, np.array(pixels["kept"], bool))
    assert {name: len(unit["conductance"]) for name, unit in found["units"].items()} == {"dense1": 9, "dense2": 7}
    text = CliRunner().invoke(app, ["attribute", run.id, "--per-class", "1"]).stdout
    assert "rank correlation with SNR" in text


@pytest.mark.parametrize("case", ["no weights", "at work"])
def test_what_cannot_be_computed_is_said(runs_root: Path, case: str) -> None:
    run = write_run(runs_root) if case == "no weights" else with_weights(runs_root)
    lock_path(run).parent.mkdir()
    lock = Lock(lock_path(run)) if case == "at work" else None
    done = CliRunner().invoke(app, ["attribute", run.id])
    if lock:
        lock.release()
    assert done.exit_code == 2
    assert ("no weights yet" if case == "no weights" else "another process is computing") in " ".join(
        done.stderr.split()
    )
