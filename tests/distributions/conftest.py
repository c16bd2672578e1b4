"""The oracle's digits, and the points of the box with their true values, computed once."""

from __future__ import annotations

from collections.abc import Iterator

import mpmath as mp
import pytest

from tests.distributions import box
from tests.distributions.oracle import DIGITS


@pytest.fixture(autouse=True)
def many_digits() -> Iterator[None]:
    """mpmath works with the oracle's digits inside these tests only."""
    with mp.workdps(DIGITS):
        yield


@pytest.fixture(scope="session")
def points() -> box.Points:
    """Random points and corners of the box for each interval."""
    return box.points()


@pytest.fixture(scope="session")
def exact(points: box.Points) -> dict[str, box.Exact]:
    """The true value and gradient of each quantity at each of the points."""
    with mp.workdps(DIGITS):
        return box.exact(points)
