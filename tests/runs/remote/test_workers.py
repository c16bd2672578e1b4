"""Real workers that train digits for a bucket, whose server goes away in between; two machines are two caches here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sbp.runs import launcher, remote, store
from sbp.runs.filenames import CHECKPOINT
from sbp.runs.remote import manifest, pull
from sbp.runs.states import State
from sbp.runs.view import RunView
from tests.faults.torture import LONG
from tests.runs.made import TINY
from tests.runs.remote.server import Server
from tests.runs.test_launcher import no_worker_is_left  # noqa: F401

PATIENCE = 120.0


@pytest.fixture
def machine(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    for name, value in {**server.environment, "SBP_RUNS": "s3://bucket/workers"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(pull, "RETRY_SECONDS", 0.5)
    return lambda name: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))


def wait(run_id: str, until: Callable[[RunView], bool]) -> RunView:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            view = store.open_run(run_id)
        except store.UnknownRun:
            continue
        if until(view):
            return view
        time.sleep(0.1)
    raise AssertionError(f"{view.state}: {view.message} {remote.trouble()}\n{view.log_tail()}")


def whole(view: RunView) -> int:
    epochs = [record.epoch for record in view.records()]
    assert epochs == list(range(1, len(epochs) + 1)), "no epoch is missing or there twice"
    return len(epochs)


def test_a_run_goes_from_machine_to_machine_while_its_bucket_comes_and_goes(
    machine: Callable[[str], None], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("one")
    run = launcher.start(TINY.replace(epochs=100_000))
    machine("two")
    view = wait(run, lambda v: v.state is State.RUNNING and len(v.records()) > 5)
    assert view.alive
    assert [run.id for run in store.list_runs(recorded=False)] == [run]

    server.door.shut()
    begun = time.monotonic()
    view = wait(run, lambda v: bool(remote.trouble()))
    assert "does not answer as it should (EndpointConnectionError: Could not connect" in remote.trouble()
    assert "http" not in remote.trouble()
    assert view.state is State.RUNNING, "its bucket is silent, not its worker"
    seen = whole(view)
    machine("one")
    before = whole(store.open_run(run))
    time.sleep(max(0.0, 5 - (time.monotonic() - begun)))
    assert whole(store.open_run(run)) > before, "training does not wait for the bucket"
    server.door.open()
    machine("two")
    view = wait(run, lambda v: len(v.records()) > seen)
    assert "s3://bucket/workers does not answer" in wait(run, lambda v: "answers again" in v.log_tail(5)).log_tail(5)

    wait(run, lambda v: CHECKPOINT in manifest.read_note(v.folder).pending)  # it is in the bucket
    assert view.pid
    os.kill(view.pid, signal.SIGKILL)
    monkeypatch.setattr(manifest, "LEASE_SECONDS", 4.0)
    view = wait(run, lambda v: v.state is State.LOST and "its last checkpoint" in v.message)
    done = whole(view)
    launcher.resume(run)
    view = wait(run, lambda v: v.state is State.RUNNING and len(v.records()) > done)
    whole(view)
    machine("one")
    view = wait(run, lambda v: v.state is State.RUNNING and len(v.records()) > done)
    assert view.alive
    with pytest.raises(store.BadRequest):
        launcher.resume(run)
    launcher.stop(run)
    saved = whole(wait(run, lambda v: v.state is State.STOPPED))
    if not LONG:
        return

    launcher.resume(run)
    view = wait(run, lambda v: v.state is State.RUNNING and len(v.records()) > saved)
    assert view.pid
    os.kill(view.pid, signal.SIGKILL)
    assert wait(run, lambda v: not v.alive).state is State.LOST, "its own machine knows at once"
    machine("two")
    wait(run, lambda v: v.state is State.LOST)
    launcher.resume(run)
    launcher.stop(run)
    assert whole(wait(run, lambda v: v.state is State.STOPPED)) >= saved
