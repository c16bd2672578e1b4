"""Measurements in processes of their own: one at a time, named while they go on, their last words kept."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from sbp.runs import launcher, measuring, store
from tests.made_up import write_run
from tests.runs.made import another_process_holds

PATIENCE = 60.0


def wait_for_the_end(root: Path) -> None:
    end = time.monotonic() + PATIENCE
    while measuring.current(root) is not None:
        assert time.monotonic() < end, "The measurement did not end."
        time.sleep(0.05)


def test_nothing_goes_on_at_first(tmp_path: Path) -> None:
    assert measuring.current(tmp_path) is None
    assert measuring.last_words("speed", "any", tmp_path) == ""


def test_a_measurement_holds_the_lock_until_its_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path)
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\nsleep 1.5\necho "$* in $SBP_RUNS"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    measuring.start("speed", run.id, tmp_path)
    going = measuring.current(tmp_path)
    assert going is not None
    assert (going.what, going.run) == ("speed", run.id)
    assert abs(going.since - time.time()) < PATIENCE
    with pytest.raises(store.BadRequest, match="Another measurement is going on"):
        measuring.start("sweep", run.id, tmp_path)
    wait_for_the_end(tmp_path)
    assert measuring.last_words("speed", run.id, tmp_path) == f"-m sbp bench compact {run.id} in {tmp_path}"
    launcher.reap()


def test_a_process_that_cannot_start_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(OSError, match="no-python"):
        measuring.start("speed", run.id, tmp_path)
    assert measuring.current(tmp_path) is None


def test_a_held_lock_without_a_name_is_a_measurement_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".measuring").mkdir()
    with another_process_holds(tmp_path / ".measuring" / "lock"):
        going = measuring.current(tmp_path)
    assert going is not None
    assert going.what == ""


def test_an_unknown_run_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(store.UnknownRun):
        measuring.start("speed", "20200101-000000-gone", tmp_path)
    assert measuring.current(tmp_path) is None


def test_the_folder_of_measurements_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".measuring").mkdir()
    assert store.list_runs(recorded=False, root=tmp_path) == []
