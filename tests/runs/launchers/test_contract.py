"""What every launcher keeps: each test here runs on this machine's processes and on a Dask cluster on loopback."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from sbp.runs import launchers, store
from sbp.runs.launchers import Launcher
from sbp.runs.states import State
from sbp.runs.store import BadRequest, UnknownRun
from sbp.spec import ConfigError
from tests.runs.launchers.cluster import Cluster
from tests.runs.made import SHIPPED, TINY
from tests.runs.test_launcher import no_worker_is_left, over, training, wait  # noqa: F401

LONG = TINY.replace(epochs=100_000)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("dask"))
    found.add("one")
    yield found
    found.close()


@pytest.fixture(params=["local", "dask"])
def launcher(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launcher]:
    if request.param == "dask":
        monkeypatch.setenv(launchers.ADDRESS_VARIABLE, request.getfixturevalue("cluster").address)
    found = launchers.chosen()
    assert found.name == request.param
    yield found
    for view in store.list_runs(recorded=False):  # a Dask worker's children are none of ours
        if view.alive and view.pid and view.pid != os.getpid():
            os.kill(view.pid, signal.SIGKILL)


def test_a_run_is_stopped_taken_up_and_killed_while_others_wait(launcher: Launcher) -> None:
    assert launcher.capacity("cpu") == 1
    first, second, third = (launcher.start(config) for config in (LONG, SHIPPED.replace(epochs=1), TINY))
    assert launcher.state(second) is State.QUEUED
    view = wait(first, training)
    assert view.launcher == (None if launcher.name == "local" else launcher.name)
    assert launcher.state(second) is State.QUEUED
    with pytest.raises(BadRequest):
        launcher.resume(first)
    launcher.stop(third)
    assert wait(third, over).state is State.STOPPED
    assert store.open_run(third).records() == []

    launcher.stop(first)
    done = len(wait(first, over).records())
    assert launcher.state(first) is State.STOPPED
    launcher.resume(first)
    assert wait(second, over).state is State.FINISHED
    view = wait(first, lambda v: v.state is State.RUNNING and len(v.records()) > done)
    assert launcher.log_tail(second, 1) == f"{second}: finished"
    epochs = [record.epoch for record in view.records()]
    assert epochs == list(range(1, len(epochs) + 1))
    assert view.pid is not None
    os.kill(view.pid, signal.SIGKILL)
    assert wait(first, over).state is State.LOST
    assert launcher.state(first) is State.LOST


def test_what_is_refused_is_refused_everywhere(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    (store.runs_root()).mkdir()
    (store.runs_root() / "sbp.toml").write_text("epochs = 10\n")
    with pytest.raises(ConfigError, match="schedule.epochs"):
        launcher.start(TINY)
    for verb in (launcher.resume, launcher.stop, launcher.state, launcher.log_tail):
        with pytest.raises(UnknownRun):
            verb("20260101-000000-none")
    assert store.list_runs(recorded=False) == []
