"""A benchmark's figures: medians with their spread, each beside a yardstick that was run in the same call. No torch."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sbp.machine import devices


@dataclass(frozen=True)
class Line:
    """One thing measured: the median, the distance between the quartiles and the 95th percentile of n figures.

    unit: "ms", "MB" or "kB". yardstick: what it is compared with; ratio: median over the yardstick's own median, in the
    same call. reach: what the project set itself as (median, 95th), None where it did not. yardstick_spread: between
    the yardstick's quartiles. paired_ratio, paired_spread: median of the ratios of figures measured one right after the
    other, and the distance between their quartiles; None where they were not.
    """

    what: str
    unit: str
    n: int
    median: float
    spread: float
    p95: float
    yardstick: str
    yardstick_median: float
    reach: tuple[float | None, float | None] = (None, None)
    yardstick_spread: float = 0.0
    paired_ratio: float | None = None
    paired_spread: float | None = None

    @property
    def ratio(self) -> float:
        """How many yardsticks it takes.

        >>> line("draw", "ms", [3.0, 4.0, 5.0], "randn", [2.0]).ratio
        2.0
        """
        return self.median / self.yardstick_median


@dataclass(frozen=True)
class Report:
    """Where and when a benchmark ran (seconds since 1970), and its lines. load: of the machine before, a core."""

    name: str
    hardware: str
    versions: dict[str, str]
    load: float
    when: float = field(default_factory=time.time)
    lines: tuple[Line, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with every line's ratio."""
        lines = [{**dataclasses.asdict(line), "ratio": line.ratio} for line in self.lines]
        return {**dataclasses.asdict(self), "lines": lines}


def line(
    what: str,
    unit: str,
    values: Sequence[float],
    yardstick: str,
    yardsticks: Sequence[float],
    reach: tuple[float | None, float | None] = (None, None),
    paired: bool = False,
) -> Line:
    """A line from the figures themselves; of fewer than 20 the 95th percentile is the largest.

    paired: whether each figure was measured right beside the yardstick's of the same place.

    >>> found = line("step", "ms", [3.0, 8.0, 5.0], "bare", [2.0, 4.0, 5.0], paired=True)
    >>> found.paired_ratio, found.paired_spread
    (1.5, 0.5)
    """
    p95 = float(np.quantile(values, 0.95)) if len(values) >= 20 else max(values)
    middle, base = statistics.median(values), statistics.median(yardsticks)
    ratios = [value / other for value, other in zip(values, yardsticks, strict=True)] if paired else []
    beside = (statistics.median(ratios), _iqr(ratios)) if paired else (None, None)
    spreads = _iqr(values), _iqr(yardsticks)
    return Line(what, unit, len(values), middle, spreads[0], p95, yardstick, base, reach, spreads[1], *beside)


def _iqr(values: Sequence[float]) -> float:
    low, high = np.quantile(values, (0.25, 0.75))
    return float(high - low)


def in_turns(
    things: Mapping[str, Callable[[], Any]], rounds: int, tell: Callable[[float], None] | None = None
) -> dict[str, list[float]]:
    """Milliseconds of each thing, `rounds` times, one after the other: a machine that slows down slows all of them."""
    for thing in things.values():
        for _ in range(3):  # what a first call sets up does not count
            thing()
    found: dict[str, list[float]] = {name: [] for name in things}
    for turn in range(rounds):
        for name, thing in things.items():
            start = time.perf_counter()
            thing()
            found[name].append(1e3 * (time.perf_counter() - start))
        if tell:
            tell((turn + 1) / rounds)
    return found


def report(name: str, packages: Sequence[str], threads: int | None = None) -> Report:
    """An empty report of this machine, with the versions of these packages."""
    cores = os.cpu_count() or 1
    used = f"{threads} thread{'' if threads == 1 else 's'}" if threads else f"{cores} cores"
    versions = {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in packages}}
    return Report(name, f"{devices.cpu_name()}, {used}", versions, round(os.getloadavg()[0] / cores, 2))


def joined(reports: Sequence[Report]) -> Report:
    """Reports of one call as one: where and when the first began, with the lines, versions and remarks of all."""
    return dataclasses.replace(
        reports[0],
        versions={name: version for one in reports for name, version in one.versions.items()},
        lines=tuple(line for one in reports for line in one.lines),
        remarks=tuple(remark for one in reports for remark in one.remarks),
    )
