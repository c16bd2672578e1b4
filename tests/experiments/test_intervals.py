"""Intervals of means and of one more run: against numbers by hand, SciPy, and their own coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sbp.experiments import intervals, report
from sbp.experiments.results import Row, Table
from tests.experiments.made import result

ERRORS = (1.4, 1.5, 1.6, 1.55)


def table(errors: tuple[float, ...], first: int = 0) -> Table:
    runs = tuple(result(seed, error) for seed, error in enumerate(errors, first))
    return Table("table-1", (Row("sbp", "SBP", "lenet-500-300", runs),))


def test_three_runs_by_hand() -> None:
    # s = 0.1; t of 2 degrees of freedom at 97.5 % is 4.3027; 4.3027 · 0.1 / sqrt(3) and 4.3027 · 0.1 · sqrt(4/3)
    assert intervals.half_width((1.4, 1.5, 1.6)) == pytest.approx(0.24841, abs=1e-5)
    assert intervals.prediction_half_width((1.4, 1.5, 1.6)) == pytest.approx(0.49683, abs=1e-5)


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_the_mean_s_interval_is_scipy_s(level: float) -> None:
    low, high = stats.ttest_1samp(ERRORS, 0).confidence_interval(level)
    assert intervals.half_width(ERRORS, level) == pytest.approx((high - low) / 2)


def test_one_run_has_no_interval() -> None:
    assert intervals.half_width((1.4,)) is intervals.prediction_half_width((1.4,)) is None
    assert table((1.4,)).rows[0].half_width_of("test_error_percent") is None


def test_one_more_draw_falls_within_as_often_as_promised() -> None:
    """Of 4,000 sets of ten draws; the share's deviation is 0.0034, so 0.015 is passed once in 100,000 at most."""
    draws = np.random.default_rng(0).normal(size=(4000, 11))
    widths = [intervals.prediction_half_width(list(row[:10])) for row in draws]
    within = abs(draws[:, 10] - draws[:, :10].mean(1)) <= np.array(widths)
    assert within.mean() == pytest.approx(0.95, abs=0.015)


def test_a_further_run_is_held_against_its_row_by_error_and_by_macs() -> None:
    row = table(ERRORS).rows[0]
    within, macs, beyond, macs_beyond = intervals.checks(table(ERRORS), table((1.6, 2.2), first=100))
    assert [(check.run.seed, check.what, check.within) for check in (within, beyond)] == [
        (100, "test_error_percent", True),
        (101, "test_error_percent", False),
    ]
    assert within.mean == pytest.approx(row.mean)
    # reductions of the made-up runs are 10 plus the seed
    assert [(check.what, check.value, check.within) for check in (macs, macs_beyond)] == [
        ("macs_reduction", 110.0, False),
        ("macs_reduction", 111.0, False),
    ]


def test_a_seed_of_the_table_itself_a_row_of_one_run_and_another_row_check_nothing() -> None:
    assert not list(intervals.checks(table(ERRORS), table((1.6,), first=2)))
    assert not list(intervals.checks(table(ERRORS[:1]), table((1.6,), first=100)))
    other = Table("table-1", (Row("ssl", "SSL", "lenet-500-300", (result(100, 1.6),)),))
    assert not list(intervals.checks(table(ERRORS), other))
    assert not any("Run again" in note for note in report.notes(table(ERRORS), other))


def test_which_runs_fall_outside_is_said() -> None:
    (said,) = (note for note in report.notes(table(ERRORS), table((1.6, 2.2), first=100)) if "Run again" in note)
    assert "on seeds 100 and 101" in said
    assert "1 of 2 by their error and 0 of 2 by their reduction of MACs" in said
    assert "not LeNet-500-300 SBP (KL weights 1, 1, 1), seed 101: error 2.200 %, expected 1.209 to 1.816 %" in said
