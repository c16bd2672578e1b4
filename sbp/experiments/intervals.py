"""How far a mean of a few seeds may be off, and where one more run is to be expected. No torch.

Both take the runs for draws of one normal distribution (Student 1908, The probable error of a mean).
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sbp.experiments.results import Row, RunResult, Table

LEVEL = 0.95


def half_width(values: Sequence[float], level: float = LEVEL) -> float | None:
    """Half the width of the t-interval of a mean, t s / sqrt(n).

    t is the (1 + level) / 2 quantile of Student's distribution with n - 1 degrees of freedom, s the sample standard
    deviation.

    Args:
        values: n draws, in any unit, which is the result's too.
        level: share of intervals that hold the true mean, within (0, 1).

    Returns:
        The half-width, None below two values.

    >>> round(half_width([1.4, 1.5, 1.6]), 4), half_width([1.5])
    (0.2484, None)
    """
    if len(values) < 2:
        return None
    return _quantile(len(values) - 1, level) * statistics.stdev(values) / math.sqrt(len(values))


def prediction_half_width(values: Sequence[float], level: float = LEVEL) -> float | None:
    """Half the width of the interval around their mean that holds one further draw, t s sqrt(1 + 1/n).

    Args:
        values: n draws.
        level: share of such intervals that hold the further draw, within (0, 1).

    Returns:
        The half-width, None below two values.

    >>> round(prediction_half_width([1.4, 1.5, 1.6]), 4)
    0.4968
    """
    if len(values) < 2:
        return None
    return _quantile(len(values) - 1, level) * statistics.stdev(values) * math.sqrt(1 + 1 / len(values))


@dataclass(frozen=True)
class Check:
    """A run on a seed of its own beside the row that predicts it.

    what: the field that is compared with the row, test_error_percent or macs_reduction; value: the run's; mean,
    half_width: of the row's prediction interval.

    >>> Check(None, None, "test_error_percent", 1.70, 1.54, 0.21).within
    True
    """

    row: Row
    run: RunResult
    what: str
    value: float
    mean: float
    half_width: float

    @property
    def within(self) -> bool:
        """Whether the run falls within its row's prediction interval."""
        return abs(self.value - self.mean) <= self.half_width


CHECKED = ("test_error_percent", "macs_reduction")


def checks(table: Table, further: Table) -> Iterator[Check]:
    """Each further run beside the row of `table` with its key and network, for each of `CHECKED` that both have.

    A row with one run, or with a seed that the further runs hold too, foretells nothing and is left out.
    """
    rows = {(row.network, row.key): row for row in table.rows}
    for again in further.rows:
        row = rows.get((again.network, again.key))
        if row is None or {run.seed for run in row.runs} & {run.seed for run in again.runs}:
            continue
        for run in again.runs:
            for what in CHECKED:
                value, width = getattr(run, what), prediction_half_width(row.values_of(what))
                if value is not None and width is not None:
                    yield Check(row, run, what, value, row.mean_of(what), width)


@functools.lru_cache
def _quantile(freedom: int, level: float) -> float:
    from scipy.special import stdtrit  # half a second, which commands without a table need not wait

    return float(stdtrit(freedom, (1 + level) / 2))
