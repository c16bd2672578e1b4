"""Latency in several fresh processes: how far two of them are apart, beside how much one of them varies."""

from __future__ import annotations

import dataclasses
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from torch import nn

from sbp.evaluation.latency import Measurement, Row, measure

PROCESSES = 5
# Networks by variant (`sbp.evaluation.latency.variants`), and the channels, rows and columns that they read.
Networks = tuple[Mapping[str, nn.Module], tuple[int, int, int]]


def measure_afresh(
    build: Callable[[], Networks],
    device: str = "cpu",
    threads: int = 0,
    processes: int = PROCESSES,
    progress: Callable[[float], None] | None = None,
    **options: Any,
) -> Measurement:
    """Times networks in processes of their own, one after another.

    What a process allocated before, and where its memory lies, may move all that it measures: within one process the
    spread is then small and the figure wrong.

    Args:
        build: makes the networks in each process, so it must be picklable: a module's function, or a partial of one.
        device, threads: as for `measure`.
        processes: how many, at least 1.
        progress: told the share done, 0 to 1.
        options: batches, rounds and seconds, for each process, as for `measure`.

    Returns:
        One measurement of them all (`joined`).
    """
    found = []
    for number in range(processes):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
            found.append(fresh.submit(_measured, build, device, threads, options).result())
        if progress:
            progress((number + 1) / processes)
    return joined(found)


def joined(measurements: Sequence[Measurement]) -> Measurement:
    """Measurements of the same networks as one: medians over them, and `Row.between_seconds`, how far they are apart.

    >>> a, b = (Measurement("cpu", "a CPU", 2, {}, 0.0, (Row("dense", 1, median, 0.1, 9),)) for median in (1.0, 1.5))
    >>> joined([a, b]).rows
    (Row(variant='dense', batch=1, median_seconds=1.25, iqr_seconds=0.1, n=18, between_seconds=0.5),)
    """
    rows = []
    for same in zip(*(measurement.rows for measurement in measurements), strict=True):
        medians = [row.median_seconds for row in same]
        iqr = float(np.median([row.iqr_seconds for row in same]))
        n, between = sum(row.n for row in same), max(medians) - min(medians)
        rows.append(Row(same[0].variant, same[0].batch, float(np.median(medians)), iqr, n, between))
    return dataclasses.replace(measurements[0], rows=tuple(rows), processes=len(measurements))


def _measured(build: Callable[[], Networks], device: str, threads: int, options: dict[str, Any]) -> Measurement:
    networks, image = build()
    return measure(networks, device, threads, image=image, **options)
