"""A search on a Dask cluster whose worker and scheduler are killed gives the table that it gives on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sbp.runs import store
from sbp.runs.launchers import Launcher, Local
from sbp.runs.launchers.dask import Dask
from sbp.runs.states import State
from sbp.runs.store import RunView
from sbp.search.drive import Search
from sbp.search.table import SearchTable
from tests.faults.torture import times
from tests.runs.launchers.cluster import Cluster
from tests.runs.test_launcher import no_worker_is_left, training  # noqa: F401
from tests.search.made import BASE, plan

EPOCHS, WORKERS = 30, ("one", "two", "three")
RATES = [round(0.02 * n, 2) for n in range(1, times(3, 12) + 1)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    found.add(*WORKERS)
    yield found
    found.close()


class Faults:
    """Kills a worker with all its children, then the scheduler, as a search goes on; `Search.run` asks it at each look.

    The worker dies when a third of the runs have ended and one of the others has had two epochs; the scheduler when two
    thirds have, and the search finds it missing once before it is started again.
    """

    def __init__(self, cluster: Cluster, search: Search, runs: int) -> None:
        self.cluster, self.search, self.runs = cluster, search, runs
        self.killed: RunView | None = None
        self.scheduler = "lives"

    def __call__(self) -> bool:
        ended = sum(view.state is State.FINISHED for view in store.list_runs(False, self.search.root))
        if self.killed is None and 3 * ended >= self.runs:
            self.killed = self._kill_one_that_trains()
        elif self.scheduler == "lives" and 3 * ended >= 2 * self.runs:
            self.cluster.kill_scheduler()
            self.scheduler = "dead"
        elif self.scheduler == "dead":
            self.cluster.begin()
            self.cluster.add(*WORKERS)  # those that there were end when they lose their scheduler
            self.scheduler = "lives again"
        return False

    def _kill_one_that_trains(self) -> RunView | None:
        """Waits for one, as a training is shorter than the search's looks are apart; None if all end unseen."""
        while active := [view for view in store.list_runs(False, self.search.root) if view.state.active]:
            for view in filter(training, active):
                if worker := self.cluster.worker_of(view.pid):
                    self.cluster.kill_with_children(worker)
                    return view
        return None


def searched(launcher: Launcher) -> Search:
    base = {**BASE, "epochs": EPOCHS, "widths": []}
    return Search(plan(base=base, search={"noise_lr": RATES}), launcher)


def runs_by_seed(search: Search) -> dict[tuple[Any, ...], RunView]:
    """Every run of a search by its configuration and seed; fails where one was made twice."""
    views = store.list_runs(False, search.root)
    found = {(view.config.preset, view.config.seed): view for view in views}
    assert len(found) == len(views) == 2 * len(RATES)
    return found


def test_the_table_is_the_same_when_a_worker_and_the_scheduler_are_killed(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = searched(Dask(cluster.address, tmp_path / "there"))
    faults = Faults(cluster, search, 2 * len(RATES))
    there = search.run(faults)
    assert faults.killed is not None
    assert faults.scheduler == "lives again"
    monkeypatch.setenv("SBP_PARALLEL", "2")
    local = searched(Local(tmp_path / "here"))
    here: SearchTable = local.run()
    assert {row.state for row in here.rows} == {"finished"}
    assert there.plain_rows() == here.plain_rows()
    ours = runs_by_seed(local)
    for key, view in runs_by_seed(search).items():
        assert view.state is State.FINISHED
        told, same = ([record.epoch for record in one.records()] for one in (view, ours[key]))
        assert told == same == list(range(1, EPOCHS + 1))
