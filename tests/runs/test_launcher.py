"""Real workers in processes of their own, on the digits: they outlive their parents; kill -9 loses little."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sbp.runs import launcher, store
from sbp.runs.filenames import STATUS
from sbp.runs.files import write_json
from sbp.runs.reading import HUNG_SECONDS
from sbp.runs.states import State
from sbp.runs.store import BadRequest, UnknownRun
from sbp.runs.view import RunView
from sbp.spec import ConfigError
from tests.runs.made import SHIPPED, TINY

# A worker imports torch before it does anything; on busy cores that takes long.
PATIENCE = 120.0


def wait(run_id: str, until: Callable[[RunView], bool], patience: float = PATIENCE) -> RunView:
    """Looks at a run until something holds of it."""
    end = time.monotonic() + patience
    while True:
        view = store.open_run(run_id)
        if until(view):
            return view
        hopeless = over(view) or time.monotonic() > end
        assert not hopeless, f"{view.state}: {view.message}\n{view.log_tail()}"
        time.sleep(0.02)


def over(view: RunView) -> bool:
    return not view.state.active


def training(view: RunView) -> bool:
    return view.state is State.RUNNING and len(view.records()) >= 2


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    """Whatever a test started is ended with it."""
    yield
    for process in launcher._children:
        process.kill()
        process.wait()
    launcher._children.clear()


def test_a_run_is_stopped_resumed_killed_and_resumed_again_while_another_waits_its_turn() -> None:
    begun = time.monotonic()
    first = launcher.start(TINY.replace(epochs=100_000))
    assert time.monotonic() - begun < 2, "start does not wait for the worker"
    second = launcher.start(SHIPPED.replace(epochs=2))
    states = {store.open_run(run_id).state for run_id in (first, second)}
    assert states == {State.QUEUED}, "queued from the first moment and never lost"

    view = wait(first, training)
    assert wait(second, lambda v: v.message.startswith("Waiting for the CPU, where")).state is State.QUEUED
    with pytest.raises(BadRequest, match="Only a stopped, failed or lost run can be resumed"):
        launcher.resume(first)
    with pytest.raises(BadRequest, match="stop it before you delete"):
        store.delete(first)

    launcher.stop(first)
    assert store.open_run(first).state in (State.STOPPING, State.STOPPED)
    launcher.stop(first) if store.open_run(first).state is State.STOPPING else None
    view = wait(first, over)
    assert view.state is State.STOPPED, view.log_tail()
    done = len(view.records())

    # Its device is free: the one that waited has its turn, and the resumed one stands behind it.
    launcher.resume(first)
    assert wait(second, over).state is State.FINISHED
    view = wait(first, lambda v: v.state is State.RUNNING and len(v.records()) > done)

    assert view.pid is not None
    os.kill(view.pid, signal.SIGKILL)
    view = wait(first, over, patience=3)
    assert view.state is State.LOST
    assert "its last checkpoint" in view.message
    assert view.pid is not None
    launcher.reap()

    launcher.resume(first)
    view = wait(first, lambda v: v.state is State.RUNNING and len(v.records()) > done)
    epochs = [r.epoch for r in view.records()]
    assert epochs == list(range(1, len(epochs) + 1)), "no epoch is missing or there twice"
    assert view.snapshots().epochs.tolist()[: len(epochs)] == list(range(len(epochs)))
    assert view.pid
    os.kill(view.pid, signal.SIGTERM)
    assert wait(first, over).state is State.STOPPED, "SIGTERM is a request to stop"
    store.delete(first)
    assert [v.id for v in store.list_runs(recorded=False)] == [second]


def test_a_worker_outlives_the_process_that_started_it(runs_root: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from sbp.spec import RunConfig\n"
        "from sbp.runs import launcher\n"
        "print(launcher.start(RunConfig.from_json(sys.stdin.read())), flush=True)\n"
        "time.sleep(60)\n"
    )
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(here)}
    server = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=tmp_path,
        env=environment,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(SHIPPED.replace(epochs=2).to_json())
    server.stdin.close()
    run_id = server.stdout.readline().strip()
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    server.stdout.close()
    assert store.open_run(run_id).state.active
    view = wait(run_id, over)
    assert view.state is State.FINISHED, view.log_tail()
    assert view.result is not None
    assert view.result["id"] == run_id
    assert view.meta["commit"] is None or len(view.meta["commit"]) >= 12


def test_a_worker_that_dies_before_its_first_word_is_lost_with_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launcher, "_WORKER", "sbp.runs.no_such_worker")
    run_id = launcher.start(TINY)
    view = wait(run_id, over, patience=30)
    assert view.state is State.LOST
    assert "No module named sbp.runs.no_such_worker" in view.log_tail()
    assert view.resumable


def test_a_process_that_cannot_be_made_leaves_a_failed_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher.sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        launcher.start(TINY)
    (view,) = store.list_runs(recorded=False)
    assert view.state is State.FAILED
    assert "could not be started" in view.message


def test_what_cannot_be_stopped_or_resumed_says_why() -> None:
    with store.create(TINY) as folder:
        folder.write_status("finished")
    with pytest.raises(BadRequest, match="can be stopped, and this one is finished"):
        launcher.stop(folder.id)
    with pytest.raises(BadRequest, match="more epochs"):
        launcher.resume(folder.id)
    with pytest.raises(UnknownRun):
        launcher.stop("20260101-000000-none")
    with store.create(TINY) as folder:
        folder.write_status("stopped")
        with pytest.raises(BadRequest, match="has a living worker"):
            launcher.resume(folder.id)
    (folder.path / "config.json").write_text("{")
    with pytest.raises(BadRequest, match=r"cannot be resumed: config.json"):
        launcher.resume(folder.id)


def test_a_recording_is_neither_stopped_nor_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "recorded_root", lambda: tmp_path / "assets")
    with store.create(TINY, tmp_path / "assets") as folder:
        folder.write_status("stopped")
    for verb in (launcher.stop, launcher.resume):
        with pytest.raises(BadRequest, match="recorded run"):
            verb(folder.id)


def test_a_bad_environment_makes_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBP_PARALLEL", "many")
    with pytest.raises(ConfigError):
        launcher.start(TINY)
    assert store.list_runs(recorded=False) == []


def test_what_another_machine_told_of_a_moment_ago_has_a_writer() -> None:
    """As where a file system's locks keep nobody out but on their own machine."""
    with store.create(TINY) as folder:
        folder.write_status(State.RUNNING, machine="another")
        told = folder.status
    assert store.open_run(folder.id).state is State.RUNNING
    with pytest.raises(BadRequest, match="running"):
        launcher.resume(folder.id)
    write_json(folder.path / STATUS, {**told, "updated": time.time() - 2 * HUNG_SECONDS})
    view = store.open_run(folder.id)
    assert view.state is State.LOST
    assert view.resumable
