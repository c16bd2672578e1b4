"""A bucket that cannot be used is named; nothing in one leads out of a run's folder or spoils another run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from sbp.runs import launchers, remote, store
from sbp.runs.filenames import LOCK, MODEL, NOISE, STATUS
from sbp.runs.remote import manifest
from sbp.runs.remote.manifest import NOTE
from sbp.runs.store import BadRequest
from tests.runs.made import TINY
from tests.runs.remote.conftest import Machine
from tests.runs.remote.made import bucket, epochs, made
from tests.runs.remote.server import Server

HOSTILE = ["../../evil", "/evil", LOCK, "stop", ".bucket.json", "a/b", "evil.txt"]


def test_no_name_in_a_bucket_becomes_a_path(machine: Machine, tmp_path: Path) -> None:
    folder, _ = made(1)
    found = bucket().bucket
    own = found.manifest(folder.id, 1)
    words = json.loads(found.read({own: 2**20})[own])
    text = {"writer": 1, "size": 4, "sha256": "", "text": "evil"}
    text["sha256"] = hashlib.sha256(b"evil").hexdigest()
    words["files"] |= {name: [text] for name in HOSTILE}
    found.write(own, json.dumps(words).encode())
    for name in ("..", "-rf", "x y", "a" * 200):
        found.write(f"manifests/{name}.1", json.dumps(words).encode())
    machine("two")
    assert [run.id for run in store.list_runs(recorded=False)] == [folder.id]
    view = store.open_run(folder.id)
    assert {path.name for path in view.folder.iterdir()} <= {*words["files"], NOTE} - {*HOSTILE} | {NOTE}
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


@pytest.mark.parametrize(
    "spoilt",
    [
        {"files": {STATUS: [{"writer": 1, "size": 2**50, "sha256": "0" * 64}]}},
        {"files": {STATUS: [{"writer": 1, "size": 2**30, "sha256": "0" * 64}]}},
        {"files": {STATUS: [{"writer": 1, "size": 3, "sha256": "../../../../etc/passwd"}]}},
        {"files": {NOISE: [{"writer": 1, "size": 3, "sha256": "0" * 64, "text": "abc"}]}},
        {"time": "soon"},
        {"format": 2},
        [],
    ],
)
def test_a_spoilt_manifest_is_said_and_spoils_no_other(machine: Machine, spoilt: object) -> None:
    folder, _ = made(1)
    other, _ = made(2)
    found = bucket().bucket
    own = found.manifest(folder.id, 1)
    words = json.loads(found.read({own: 2**20})[own])
    if isinstance(spoilt, dict):
        spoilt = words | spoilt | {"files": words["files"] | spoilt.get("files", {})}
    found.write(own, json.dumps(spoilt).encode())
    machine("two")
    store.list_runs(recorded=False)
    with pytest.raises(store.UnknownRun):
        store.open_run(folder.id)
    assert folder.id in remote.trouble()
    assert epochs(other.id) == [1, 2]


def test_without_what_it_needs_a_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBP_RUNS", "nosuch://bucket/runs")
    with pytest.raises(BadRequest, match="pip install fsspec s3fs"):
        store.create(TINY)
    assert "nosuch://bucket/runs" in remote.trouble()
    assert store.list_runs(recorded=False) == []
    with pytest.raises(store.UnknownRun, match="cannot be opened"):
        store.open_run("20260101-000000-none")


def test_what_is_too_large_is_said_and_not_sent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(manifest, "MOST_BYTES", 200_000)
    folder, pusher = made(1)
    folder.write_model({"w": np.zeros(10**5)})
    pusher.push()
    pusher.push()
    assert capsys.readouterr().err.count("model.safetensors in") == 1
    machine("two")
    assert not store.open_run(folder.id).has(MODEL)


def test_a_cluster_is_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert launchers.chosen().name == "local"
    monkeypatch.setenv(launchers.ADDRESS_VARIABLE, "tcp://127.0.0.1:9")
    with pytest.raises(BadRequest, match="expected a folder that all machines of the cluster see"):
        launchers.chosen()


def test_a_bucket_that_does_not_exist_is_named(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**server.environment, "SBP_RUNS": "s3://nowhere/runs", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert store.list_runs(recorded=False) == []
    assert "s3://nowhere/runs" in remote.trouble()
    assert "does not exist" in remote.trouble()
