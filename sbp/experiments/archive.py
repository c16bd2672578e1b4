"""Keeps an experiment with the code: records the first run of each row, and the table. No torch.

Further seeds of a row that is kept are added to it; a second table, of runs that no recipe and no figure was chosen by,
checks the first (`sbp.experiments.intervals.Check`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sbp.experiments.planned import Plan
from sbp.experiments.plans import PLANS
from sbp.experiments.results import NoResults, Row, RunResult, Table, check_of, recorded, results_path, speed_rows
from sbp.runs import recording, store
from sbp.runs.filenames import SPEED
from sbp.runs.files import replace_bytes
from sbp.runs.speed import write_speed
from sbp.runs.view import RunView

# Snapshots of a recorded run without weights: enough for its curves.
FEW_ROWS = 16


def record_experiment(plan: Plan, table: Table, runs: Path | None = None, results: Path | None = None) -> list[Path]:
    """Records the run of the smallest seed of each row and writes the table, both beside the code; gives the paths.

    In the kept table a recorded run has its name, the others have none. Rows that were kept before
    and are not in `table` stay. Where a kept row begins with a smaller seed, its runs and its recorded run stay as
    they are and the new seeds are added. runs, results: other places, for a test.

    Raises:
        BadRequest: no row has a run that has finished.
    """
    planned = {(row.network, row.key): row for row in plan.rows}
    before = {(row.network, row.key): row.runs for row in _kept(plan.name, results)}
    paths, kept = [], []
    for row in _finished(table):
        known = before.get((row.network, row.key), ())
        first, of_plan = min(row.runs, key=lambda run: run.seed), planned[row.network, row.key]
        if known and min(run.seed for run in known) < first.seed:
            kept.append(dataclasses.replace(row, runs=_with_seeds(known, row.runs)))
            continue
        name = plan.recording(of_plan)
        view = store.open_run(first.run)
        if name and not view.recorded:
            whole = row.key in plan.weights
            rows = recording.ROWS if whole else FEW_ROWS
            paths.append(recording.record(view, name, runs or store.recorded_root(), rows, weights=whole))
        kept.append(dataclasses.replace(row, runs=tuple(_named(run, name if run is first else "") for run in row.runs)))
    return [*paths, keep_table(plan, Table(plan.name, tuple(kept)), results)]


def record_check(plan: Plan, table: Table, results: Path | None = None) -> Path:
    """Writes runs on seeds of their own as the check of a table, `<experiment>-check`, and gives its path.

    Nothing is recorded. Rows and seeds that were kept there before stay.

    Raises:
        BadRequest: no row has a run that has finished.
    """
    name = check_of(plan.name)
    known = {(row.network, row.key): row.runs for row in _kept(name, results)}
    rows = [
        dataclasses.replace(row, runs=_with_seeds(known.get((row.network, row.key), ()), row.runs))
        for row in _finished(table)
    ]
    return keep_table(dataclasses.replace(plan, name=name), Table(name, tuple(rows)), results)


def record_speed(view: RunView, measurement: Mapping[str, Any], results: Path | None = None) -> list[Path]:
    """Writes a recorded run's speed beside the code, into its folder and every recorded table that shows it.

    It replaces what was measured on the same device with as many threads. Gives the paths.

    Raises:
        BadRequest: the run does not ship with the code.
    """
    if not view.recorded:
        raise store.BadRequest(f"{view.id} does not ship with the code; without --record its speed is kept with it.")
    paths = [write_speed(view, measurement, view.folder / SPEED)]
    key = measurement["device"], measurement["threads"]

    def again(run: RunResult) -> RunResult:
        others = tuple(row for row in run.speed if (row["device"], row["threads"]) != key)
        if run.run != view.id or len(others) == len(run.speed):
            return run
        return dataclasses.replace(run, speed=(*others, *speed_rows(measurement)))

    for name in PLANS:
        before = _kept(name, results)
        rows = tuple(dataclasses.replace(row, runs=tuple(map(again, row.runs))) for row in before)
        if rows != before:
            paths.append(results_path(name, results))
            replace_bytes(paths[-1], Table(name, rows).to_json().encode())
    return paths


def keep_table(plan: Plan, table: Table, results: Path | None = None) -> Path:
    """Writes rows beside the code, and in the plan's order those kept before that are planned and not among them."""
    path = results_path(plan.name, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    by_key = {(row.network, row.key): row for row in (*_kept(plan.name, results), *table.rows)}
    order = [(row.network, row.key) for row in plan.rows]
    rows = tuple(by_key[key] for key in order if key in by_key)
    replace_bytes(path, Table(plan.name, rows).to_json().encode())
    return path


def _finished(table: Table) -> list[Row]:
    """The rows with runs, of which there is one at least."""
    if rows := [row for row in table.rows if row.runs]:
        return rows
    raise store.BadRequest(f"{table.experiment}: no run has finished, so there is nothing to record; train one first.")


def _named(run: RunResult, name: str) -> RunResult:
    return dataclasses.replace(run, run=name)


def _kept(name: str, results: Path | None) -> tuple[Row, ...]:
    """What was kept before under this name; no rows where nothing was."""
    try:
        return recorded(name, results).rows
    except NoResults:
        return ()


def _with_seeds(known: tuple[RunResult, ...], new: tuple[RunResult, ...]) -> tuple[RunResult, ...]:
    """The known runs as they are, and those of seeds that are not among them, by seed."""
    seeds = {run.seed for run in known}
    added = [_named(run, "") for run in new if run.seed not in seeds]
    return tuple(sorted((*known, *added), key=lambda run: run.seed))
