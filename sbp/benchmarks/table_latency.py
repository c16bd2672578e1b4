"""How fast the networks of recorded rows are on this machine: their weights need not be at hand, for shapes decide.

A forward pass takes as long with one set of weights as with another, so the networks are built again, dense and with as
many units per layer as the run kept, and timed in turns, in several processes (`sbp.evaluation.processes`).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from sbp.compaction.compact import masks_of
from sbp.compaction.weights import network_of
from sbp.evaluation.latency import Measurement, variants
from sbp.evaluation.processes import Networks, measure_afresh
from sbp.experiments.results import RunResult, Table, speed_rows
from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.pruning.masks import masks_of_counts
from sbp.spec import RunConfig
from sbp.spec.networks import SPECS, description_of

# Turns of the networks in each process: fewer on a GPU, which is dear, and where the dense one has many MACs, whose
# pass is long.
ROUNDS, FEWER_ROUNDS, DEEP = 3, 1, 10**8
SECONDS = 0.03  # of a turn, at least


def timed(table: Table, device: str, tell: Callable[[str], None], keep: Callable[[Table], None]) -> Table:
    """The table with what was measured on this device of the run that stands for each row, where it was not yet.

    device: cpu or cuda. tell: told the row that is next. keep: given the table after each row, so that what is measured
    is not lost when the rest is cut off. Each network takes some ten seconds, a deep one on a CPU some minutes.
    """
    for at, row in enumerate(table.rows):
        run = row.shown
        if run is None or any(one["device"] == device for one in run.speed):
            continue
        tell(f"{row.network} {row.key}")
        found = with_speed(run, speed_of(run, device))
        row = dataclasses.replace(row, runs=tuple(found if one is run else one for one in row.runs))
        table = dataclasses.replace(table, rows=(*table.rows[:at], row, *table.rows[at + 1 :]))
        keep(table)
    return table


def speed_of(run: RunResult, device: str) -> Measurement:
    """The speed of a dense network and of the masked and compact ones with a run's kept counts, weights at random."""
    # Work for a GPU is handed out by one thread.
    return speed_of_shapes(run.network, run.config["widths"], run.kept, device, 1 if device == "cuda" else 0)


def speed_of_shapes(
    name: str,
    widths: Sequence[int],
    kept: Sequence[int],
    device: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Measurement:
    """The same of a network with these hidden widths that keeps so many units in each noise layer.

    threads, progress: as for `measure_afresh`. Raises ValueError when the counts do not belong together.
    """
    build = functools.partial(_of_shapes, name, tuple(widths), tuple(kept))
    build()  # counts that do not belong together are refused here, not in another process
    return _speed(build, SPECS[name].dense_macs(widths), device, threads, progress)


def speed_of_weights(
    config: RunConfig,
    model_path: Path | None,
    device: str,
    threads: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Measurement, list[int]]:
    """The speed of a run's own networks, and the units that the compact one keeps.

    threads, progress: as for `measure_afresh`. Raises `LoadError` where there are no weights, or not those of config.
    """
    kept = [int(mask.sum()) for mask in masks_of(network_of(config, model_path)).values()]
    build = functools.partial(_of_weights, config, model_path)
    return _speed(build, description_of(config.network).dense_macs(), device, threads, progress), kept


def _speed(
    build: Callable[[], Networks], macs: int, device: str, threads: int, progress: Callable[[float], None] | None
) -> Measurement:
    rounds = FEWER_ROUNDS if device == "cuda" or macs >= DEEP else ROUNDS
    return measure_afresh(build, device, threads, progress=progress, rounds=rounds, seconds=SECONDS)


def _of_shapes(name: str, widths: tuple[int, ...], kept: tuple[int, ...]) -> Networks:
    network = build(name, widths)
    description = described(network)
    return variants(network, masks_of_counts(kept, description.groups)), description.image


def _of_weights(config: RunConfig, model_path: Path | None) -> Networks:
    network = network_of(config, model_path)
    return variants(network), described(network).image


def with_speed(run: RunResult, measured: Measurement) -> RunResult:
    """The run with this measurement, in the place of any of the same device."""
    others = (row for row in run.speed if row["device"] != measured.device)
    return dataclasses.replace(run, speed=(*others, *speed_rows(measured.to_dict())))
