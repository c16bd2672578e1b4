"""A search over made-up runs: what is chosen, what is pruned, what is taken up after anything dies."""

from __future__ import annotations

from unittest.mock import Mock

import optuna
import pytest

from sbp.runs import store
from sbp.runs.names import BadRequest
from sbp.search import drive
from sbp.search.drive import Search
from sbp.search.study import FILE
from sbp.search.table import SearchTable, path_of, read_table
from tests.runs.made import TINY
from tests.search.made import Made, plan


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "POLL_SECONDS", 0.0)


def searched(launcher: Made | None = None, **changes: object) -> SearchTable:
    return Search(plan(**changes), launcher or Made()).run()


def test_a_grid_is_judged_by_the_mean_of_held_out_errors_over_seeds() -> None:
    launcher = Made()
    table = searched(launcher)
    assert [row.values["noise_lr"] for row in table.rows] == [0.1, 0.05, 0.2]
    assert [row.error_percent for row in table.rows] == pytest.approx([9.5, 4.5, 19.5])
    assert {row.state for row in table.rows} == {"finished"}
    assert table.best is not None
    assert table.best.number == 1
    assert len(launcher.started) == 6
    assert read_table(path_of("rates")) == table
    stored = optuna.load_study(study_name="rates", storage=f"sqlite:///{store.runs_root() / FILE}")
    assert stored.best_trial.number == 1


def test_a_search_that_was_cut_off_goes_on_and_counts_no_run_twice() -> None:
    looks = 0

    def third_look() -> bool:
        nonlocal looks
        looks += 1
        return looks > 2

    first = Made(died=1, room=1)
    Search(plan(), first).run(third_look)
    store.open_run(first.started[0])
    optuna_forgets_a_run = len(first.started)
    second = Made(room=1)
    table = Search(plan(), second).run()
    assert len(store.list_runs(recorded=False)) == 6
    assert optuna_forgets_a_run + len(second.started) == 6
    assert set(second.started).isdisjoint(first.started)
    fresh = Made(store.runs_root().with_name("elsewhere"))
    assert searched(fresh).plain_rows() == table.plain_rows()


def test_a_run_that_has_ended_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = [round(0.01 * n, 2) for n in range(1, 9)]
    looked = Mock(wraps=store.open_run)
    monkeypatch.setattr(store, "open_run", looked)
    launcher = Made(room=1)
    searched(launcher, search={"noise_lr": rates}, seeds=[0])
    assert sorted(call.args[0] for call in looked.call_args_list) == sorted(launcher.started)


def test_a_run_whose_worker_dies_is_taken_up_and_at_last_given_up() -> None:
    launcher = Made(died=2)
    assert {row.state for row in searched(launcher).rows} == {"finished"}
    assert len(launcher.resumed) == 2
    launcher = Made(died=1000)
    table = searched(launcher, name="doomed", seeds=[0], search={"noise_lr": [0.1]})
    assert [row.state for row in table.rows] == ["failed"]
    assert len(launcher.resumed) == drive.MOST_LIVES


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_same_seed_gives_the_same_table_whatever_the_room(sampler: str) -> None:
    asked = {"sampler": sampler, "search": {"noise_lr": {"low": 0.01, "high": 0.3, "log": True}}, "budget": 12}
    tables = [
        searched(Made(store.runs_root() / str(room), room=room), **asked, seeds=[0], together=3).plain_rows()
        for room in (1, 5)
    ]
    assert tables[0] == tables[1]
    assert len({row["noise_lr"] for row in tables[0]}) == 12
    other = searched(Made(store.runs_root() / "other"), **asked, seeds=[0], together=3, sampler_seed=100)
    assert other.plain_rows() != tables[0]


def test_a_hopeless_configuration_is_pruned_by_those_before_it() -> None:
    rates = [0.05, 0.06, 0.07, 0.08, 0.09, 0.3]
    table = searched(search={"noise_lr": rates}, seeds=[0], pruner="median", together=5)
    assert [row.state for row in table.rows] == ["finished"] * 5 + ["pruned"]
    assert table.rows[-1].epoch == 1
    assert table.best is not None
    assert table.best.number == 0


def test_what_is_another_search_or_another_process_is_refused() -> None:
    searched()
    with pytest.raises(BadRequest, match="Give this one another name"):
        searched(seeds=[7])
    search = Search(plan(), Made())
    with pytest.raises(BadRequest, match="another process"):
        Search(plan(), Made())
    search.lock.release()


def test_a_limit_of_the_owner_fails_no_more_than_what_breaks_it() -> None:
    (store.runs_root()).mkdir()
    (store.runs_root() / "sbp.toml").write_text("epochs = 3\n")
    with pytest.raises(ValueError, match="schedule.epochs"):
        searched()


def test_of_the_runs_that_are_there_those_of_the_search_alone_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = Made()
    searched(launcher, name="my--rates")
    others = [store.create(TINY) for _ in range(5)]
    read = Mock(side_effect=store.RunView)
    monkeypatch.setattr(store, "RunView", read)
    Search(plan(name="my--rates"), Made()).lock.release()
    assert {call.args[0].name for call in read.call_args_list} == set(launcher.started)
    for folder in others:
        folder.close()
