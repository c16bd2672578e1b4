"""Deleted runs can be brought back, the last ten of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sbp.runs import store, trash
from sbp.runs.names import BadRequest
from tests.made_up import write_run


def test_a_deleted_run_comes_back_as_it_was(runs_root: Path) -> None:
    run = write_run(runs_root, epochs=2)
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    store.delete(run.id)
    assert store.list_runs(recorded=False) == []
    with pytest.raises(store.UnknownRun):
        store.open_run(run.id)
    store.undelete(run.id)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    with pytest.raises(BadRequest, match="not in the trash"):
        store.undelete(run.id)


def test_the_last_ten_are_kept(runs_root: Path) -> None:
    runs = [write_run(runs_root, epochs=2, epochs_done=1, seed=seed).id for seed in range(trash.KEPT + 2)]
    for run_id in runs:
        store.delete(run_id)
        time.sleep(0.001)
    assert len(list((runs_root / trash.TRASH).iterdir())) == trash.KEPT
    for run_id in runs[:2]:
        with pytest.raises(BadRequest, match="keeps the last 10"):
            store.undelete(run_id)
    store.undelete(runs[2])


def test_no_run_is_overwritten_and_no_name_leads_elsewhere(runs_root: Path, tmp_path: Path) -> None:
    run = write_run(runs_root, epochs=2)
    store.delete(run.id)
    (runs_root / run.id).mkdir()
    with pytest.raises(BadRequest, match="again"):
        store.undelete(run.id)
    for name in ("..", "../x", "", ".trash", "a/b"):
        with pytest.raises(BadRequest):
            store.undelete(name)


def test_a_link_in_the_place_of_the_trash_is_not_followed(runs_root: Path, tmp_path: Path) -> None:
    run = write_run(runs_root, epochs=2)
    (tmp_path / "elsewhere").mkdir()
    (runs_root / trash.TRASH).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRequest, match="should be a folder"):
        store.delete(run.id)
    assert store.open_run(run.id).problem == ""
    assert list((tmp_path / "elsewhere").iterdir()) == []
