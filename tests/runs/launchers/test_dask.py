"""What only a cluster can do wrong: its machines die, its scheduler dies, nobody answers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sbp.runs import launchers, store
from sbp.runs.launchers.dask import Dask, supervise
from sbp.runs.states import State
from sbp.runs.store import BadRequest
from tests.faults.torture import bounded
from tests.runs.launchers.cluster import Cluster
from tests.runs.launchers.test_contract import LONG
from tests.runs.made import TINY
from tests.runs.test_launcher import PATIENCE, over, training, wait


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    yield found
    found.close()


def test_a_run_whose_machine_dies_goes_on_at_another(cluster: Cluster) -> None:
    cluster.add("one")
    dask = Dask(cluster.address)
    run = dask.start(LONG)
    view = wait(run, training)
    done, first = len(view.records()), view.pid
    cluster.add("two")
    cluster.kill("one")
    assert first
    os.kill(first, signal.SIGKILL)
    view = wait_through(run, lambda v: v.state is State.RUNNING and v.pid != first and len(v.records()) > done)
    epochs = [record.epoch for record in view.records()]
    assert epochs == list(range(1, len(epochs) + 1))
    dask.stop(run)
    assert wait(run, over).state is State.STOPPED
    assert len(store.list_runs(recorded=False)) == 1


def test_a_run_whose_machine_is_taken_away_goes_on_at_another(cluster: Cluster) -> None:
    cluster.add("one")
    dask = Dask(cluster.address)
    run = dask.start(LONG)
    view = wait(run, training)
    cluster.end_with_children("one")
    view = wait(run, over)
    assert view.state is State.STOPPED
    done = len(view.records())
    cluster.add("two")
    view = wait_through(run, lambda v: v.state is State.RUNNING and len(v.records()) > done)
    epochs = [record.epoch for record in view.records()]
    assert epochs == list(range(1, len(epochs) + 1))
    dask.stop(run)
    assert wait(run, over).state is State.STOPPED
    time.sleep(1)
    assert dask.state(run) is State.STOPPED


class Client:
    """One whose scheduler hears of a task a little after it was submitted."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def submit(self, *_: object, **__: object) -> str:
        self.said.append("submit")
        return "future"

    def story(self, key: str) -> list[str]:
        self.said.append("heard" if self.said.count("not yet") == 2 else "not yet")
        return [key] if self.said[-1] == "heard" else []


def test_a_scheduler_keeps_a_task_that_it_has_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    monkeypatch.setattr("sbp.runs.launchers.dask.fire_and_forget", client.said.append)
    with store.create(TINY) as folder:
        Dask("tcp://127.0.0.1:9")._submit(client, [], folder.id)  # type: ignore[arg-type]  # a stand-in
    assert client.said == ["submit", "not yet", "not yet", "heard", "future"]


@pytest.mark.slow
def test_what_a_scheduler_forgets_is_taken_up(cluster: Cluster) -> None:
    dask = Dask(cluster.address)
    run = dask.start(TINY.replace(epochs=1))
    assert dask.state(run) is State.QUEUED
    cluster.kill_scheduler()
    cluster.begin()
    assert dask.state(run) is State.LOST
    dask.resume(run)
    dask.resume(run)  # twice is once
    assert dask.state(run) is State.QUEUED
    cluster.add("one")
    assert wait(run, over).state is State.FINISHED


def test_a_task_leaves_what_has_ended_or_is_gone(tmp_path: Path) -> None:
    with store.create(TINY) as folder:
        folder.write_status("stopped")
    assert supervise(str(folder.path), 0.0) == "stopped"
    assert supervise(str(tmp_path / "none"), 0.0) == "deleted"


def test_a_task_waits_for_no_run_that_was_handed_over_again() -> None:
    with store.create(TINY) as folder, bounded(30):
        assert supervise(str(folder.path), folder.status["queued"] - 1) == "superseded"


def test_a_scheduler_that_dies_later_is_a_sentence_too(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbp.runs.launchers.dask.CONNECT_SECONDS", 1.0)
    dask = Dask(cluster.address)
    run = dask.start(TINY)
    cluster.kill_scheduler()
    for ask in (lambda: dask.state(run), lambda: dask.capacity("cpu"), lambda: dask.resume(run)):
        with pytest.raises(BadRequest, match="SBP_DASK"):
            ask()


def test_without_a_scheduler_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbp.runs.launchers.dask.CONNECT_SECONDS", 0.3)
    monkeypatch.setenv(launchers.ADDRESS_VARIABLE, "tcp://127.0.0.1:9")
    with pytest.raises(BadRequest, match="SBP_DASK"):
        launchers.chosen().start(TINY)
    assert store.list_runs(recorded=False) == []


def wait_through(run: str, until: Callable[[store.RunView], bool]) -> store.RunView:
    """As `wait`, through the moments in which the run is lost."""
    end = time.monotonic() + 2 * PATIENCE
    while not until(view := store.open_run(run)):
        assert time.monotonic() < end, f"{view.state}: {view.message}\n{view.log_tail()}"
        time.sleep(0.05)
    return view
