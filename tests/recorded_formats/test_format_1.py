"""Files of format 1, as they were once written: every reader opens them, with the numbers of that day.

Where one of these fails, old runs no longer open: mend the reader, never the files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save
from torch import Tensor

import sbp
from sbp.compaction.load import load_compact
from sbp.compaction.weights import network_of
from sbp.export.browser import read_weights
from sbp.export.files import exported
from sbp.runs import launcher, noise_file, recording, store
from sbp.runs.folder import RunFolder
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec.seal import header_of
from sbp.viz.tables import tables
from tests.recorded_formats.make import own_network
from tests.worker.done import again

KEPT = Path(__file__).with_name("format-1")
IMAGE = torch.linspace(0, 1, 784).reshape(1, 1, 28, 28)
LOGITS = [-0.2956, 0.0576, -0.1137, -0.7726, 0.0348, -0.0710, 0.3494, 0.0894, 0.0643, -0.6083]
LOC = {"conv1": "21b04001", "conv2": "80734cad", "features": "ce0b5dc1", "dense1": "f69b5399"}
JSONS = ("config.json", "description.json", "meta.json", "status.json", "result.json", "sweep.json", "speed.json")


def bits(values: np.ndarray) -> str:
    """Float32 numbers as eight digits, which any bit that changes changes."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f4").tobytes()).hexdigest()[:8]


def close(logits: Tensor) -> None:
    torch.testing.assert_close(logits.detach(), torch.tensor([LOGITS]), rtol=0, atol=1e-4)


@pytest.fixture
def root(runs_root: Path) -> Path:
    """The runs, in a folder of runs."""
    shutil.copytree(KEPT, runs_root, ignore=shutil.ignore_patterns("noise.safetensors", "compact.safetensors"))
    return runs_root


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_the_kept_files_are_small() -> None:
    assert sum(path.stat().st_size for path in KEPT.rglob("*") if path.is_file()) < 300_000


def test_a_finished_run(root: Path) -> None:
    assert {run.id: str(run.state) for run in store.list_runs(recorded=False)} == {
        **{"finished": "finished", "stopped": "stopped", "tracked": "finished"}
    }
    run = store.open_run("finished")
    assert (run.problem, run.newer) == ("", "")
    told = {"seed": 0, "kept": [3, 3, 23, 7], "macs": 57831, "macs_dense": 62992, "epochs_done": 8, "n_train": 400}
    told |= {"test_error_percent": 27.77777777777778, "validation_error_percent": 34.0, "commit": "116b2cbf4f1a"}
    assert told.items() <= run.summary().items()
    records = run.records()
    assert [record.macs for record in records] == [62992] * 3 + [57780, 57824] + [57831] * 3
    assert (records[-1].nll, records[-1].kl, records[-1].loss) == (
        *(0.4372972548007965, 151.76217651367188, 0.8167026937007904),
    )
    shots, steps = run.snapshots(), run.step_snapshots()
    assert shots.epochs.tolist() == list(range(9))
    assert {name: bits(rows[-1]) for name, rows in shots.loc.items()} == LOC
    assert bits(shots.log_scale["features"]) == "b4e2bf53"
    assert (steps.epochs.tolist(), bits(steps.loc["features"])) == ([10, 20, 30, 50, 60], "c8740630")
    assert run.step_records()[-1].nll == 0.5427082180976868
    assert len(tables(run).records) == 8


def test_what_was_computed_of_it() -> None:
    run = RunView(KEPT / "finished")
    sweep, speed = run.sweep(), run.speed()
    assert sweep is not None
    assert {name: len(found["points"]) for name, found in sweep["criteria"].items()} == (
        {"snr": 61, "bmrs_n": 27, "bmrs_u": 26, "l1": 61, "random": 61}
    )
    assert sweep["criteria"]["bmrs_u"]["points"][3] == {
        **{"threshold": -0.006340248040483054, "kept": [3, 4, 54, 8], "macs": 62912, "params": 912},
        **{"error_percent": 32.0, "nll": 0.8658424672607452},
    }
    assert speed is not None
    assert speed["measurements"][0]["rows"][2]["median_seconds"] == 0.0004865279915975407
    assert recording.is_recording(run.folder)


def test_its_weights_and_its_compact_network() -> None:
    run = RunView(KEPT / "finished")
    weights = read_weights(KEPT / "finished" / "model.safetensors")
    assert (bits(weights["conv2.weight"]), bits(weights["noise.dense1.loc"])) == ("41a42e8d", "f69b5399")
    close(network_of(run.config, run.model_path).eval()(IMAGE))
    close(load_compact(KEPT / "compact.safetensors")(IMAGE))
    figures = exported(run).cut.figures()
    assert (figures["kept"], figures["params"], figures["macs_reduction"]) == ([3, 3, 23, 7], 554, 1.089)
    with safe_open(str(KEPT / "compact.safetensors"), framework="pt") as file:
        header = file.metadata()
    assert (header["run"], header["kept"]) == ("finished", '{"conv1": 3, "conv2": 3, "features": 23, "dense1": 7}')


def test_its_noise_as_a_file(runs_root: Path) -> None:
    content = (KEPT / "noise.safetensors").read_bytes()
    found, snapshot, *interval = noise_file.from_bytes(content)
    assert ({name: bits(values) for name, values in snapshot.loc.items()}, interval) == (LOC, [-20.0, 0.0])
    assert (found.title, found.dense_macs()) == ("LeNet-5-Caffe", 62992)
    opened = store.open_run(noise_file.open_as_run(content))
    assert (opened.problem, bits(opened.snapshots().loc["features"][-1])) == ("", LOC["features"])


def test_a_tracked_run_and_its_noise(root: Path, tmp_path: Path) -> None:
    run = store.open_run("tracked")
    assert [(record.nll, record.kept, record.macs) for record in run.records()] == [(1.25, (5, 4), 58)] * 2
    (path := tmp_path / "tracked.safetensors").write_bytes(noise_file.of_run(run))
    noise = sbp.attach(model := own_network(), torch.zeros(2, 6))
    sbp.load_noise(model, path)
    assert noise.loc.tolist() == [-1.0] * 9


def test_a_stopped_run_is_resumed(root: Path) -> None:
    with RunFolder(root / "stopped") as folder:
        arrays, state = folder.read_checkpoint() or ({}, {})
    assert len(arrays) > 20
    assert state
    before = store.open_run("stopped").records()
    assert [record.kl for record in before] == [393.168212890625]
    done = again(store.open_run("stopped"))
    assert (done.state, done.problem, len(done.records())) == (State.FINISHED, "", 8)
    assert done.records()[:1] == before


# -- what a later version may write ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["finished", "stopped", "tracked"])
def test_the_next_format_is_shown_and_not_resumed(name: str, root: Path) -> None:
    known = store.open_run(name)
    change(root / name / "meta.json", format=2, sbp="0.2.0")
    run = store.open_run(name)
    assert (run.problem, run.state, run.records()) == ("", known.state, known.records())
    assert "0.2.0" in run.newer
    with pytest.raises(BadRequest):
        launcher.resume(name)


@pytest.mark.parametrize("file", JSONS)
def test_a_field_that_is_not_known(file: str, root: Path) -> None:
    change(root / "finished" / file, colour="red")
    run = store.open_run("finished")
    if file in ("config.json", "description.json"):  # what a run was asked to do is known whole, or not at all
        assert "colour" in run.problem
        change(root / "finished" / "meta.json", format=2, sbp="0.2.0")
        assert "0.2.0" in store.open_run("finished").problem
    else:
        assert (run.problem, run.summary()["kept"]) == ("", [3, 3, 23, 7])
        assert run.sweep()
        assert run.speed()


def test_a_field_of_a_record_that_is_not_known(root: Path) -> None:
    for file in ("records.jsonl", "steps.jsonl"):
        path = root / "finished" / file
        path.write_text(path.read_text().replace('{"', '{"colour": "red", "'))
    run = store.open_run("finished")
    assert (run.problem, len(run.records()), len(run.step_records())) == ("", 8, 5)


def test_other_headers_of_single_files(tmp_path: Path) -> None:
    content = (KEPT / "noise.safetensors").read_bytes()
    arrays = load_file(KEPT / "noise.safetensors")
    told = {name: text for name, text in header_of(content).items() if name != "sha256"}
    assert noise_file.from_bytes(save(arrays, {**told, "colour": "red"}))[2:] == (-20.0, 0.0)
    with pytest.raises(BadRequest, match="sbp-noise-2"):
        noise_file.from_bytes(save(arrays, {**told, "format": "sbp-noise-2"}))
    (path := tmp_path / "later.safetensors").write_bytes(
        save(load_file(KEPT / "compact.safetensors"), {"network": "lenet-5-caffe", "sbp": "0.2.0", "colour": "red"})
    )
    # Widths other than the network's own follow from the tensors.
    close(load_compact(path)(IMAGE))
