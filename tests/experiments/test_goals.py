"""Goals beside the best that was reached: the nearest row, met or not, of the methods that count."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.experiments import goals
from sbp.experiments.goals import GOALS, Goal, best_reached
from sbp.experiments.results import Row, Table, recorded
from sbp.spec.networks import SPECS
from tests.experiments.made import result

GOAL = Goal("lenet-500-300", 1.5, 20.0, "a point of others")


def row(key: str, error: float, reduction: float, method: str = "sbp", **changes: Any) -> Row:
    errors = enumerate((error - 0.1, error + 0.1))
    runs = tuple(result(seed, it, method=method, macs_reduction=reduction, **changes) for seed, it in errors)
    return Row(key, key, "lenet-500-300", runs)


def reached(*rows: Row) -> str:
    found = best_reached(GOAL, Table("table-1", rows))
    return found.key if found else ""


def test_a_goal_is_met_by_the_means_of_both() -> None:
    assert GOAL.met_by(row("met", 1.5, 20.0))
    assert not GOAL.met_by(row("wrong too often", 1.51, 20.0))
    assert not GOAL.met_by(row("too large", 1.5, 19.9))


def test_the_best_reached_is_the_row_that_misses_by_least() -> None:
    near, far = row("near", 1.52, 19.9), row("far", 1.4, 12.0)
    assert reached(far, near, row("small", 1.9, 31.0)) == "near"
    assert reached(near, row("met", 1.45, 22.0)) == "met"
    assert reached(near, row("another method", 1.0, 99.0, method="ssl"), Row("none", "none", "lenet-500-300")) == "near"
    assert reached() == ""


def test_every_goal_of_the_recorded_tables_stands_in_its_table_met_or_missed() -> None:
    for experiment, of_table in GOALS.items():
        table = recorded(experiment)
        found = goals.lines(table)
        assert [line["goal"] for line in found] == [goal.title for goal in of_table]
        for line, goal in zip(found, of_table, strict=True):
            best = table.row(goal.network, line["key"])
            assert line["met"] == (best.mean <= goal.error_percent and best.mean_of("macs_reduction") >= goal.reduction)
            assert line["n"] == best.n
    assert {line["network"] for line in goals.lines(recorded("table-1"), "lenet-5-caffe")} == {"lenet-5-caffe"}


@pytest.mark.parametrize("experiment", sorted(GOALS))
def test_a_goal_is_set_for_a_network_of_its_table_and_removes_something(experiment: str) -> None:
    for goal in GOALS[experiment]:
        assert goal.network in SPECS
        assert goal.reduction > 1
        assert goal.passes
