"""Keeps an experiment with the code: the first run of each row as a recording, and the table. No torch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from sbp.experiments.plans import Plan
from sbp.experiments.results import NoResults, Row, RunResult, Table, recorded, results_path
from sbp.runs import recording, store
from sbp.runs.files import replace_bytes

# Snapshots of a recording without weights: enough for its curves.
FEW_ROWS = 24


def keep(plan: Plan, table: Table, runs: Path | None = None, results: Path | None = None) -> list[Path]:
    """Records the run of the smallest seed of each row and writes the table, both beside the code; gives the paths.

    In the kept table a run that is recorded has its recording's name, the others have none. Rows that were kept before
    and are not in `table` stay. runs, results: other places, for a test.
    """
    planned = {(row.network, row.key): row for row in plan.rows}
    paths, kept = [], []
    for row in table.rows:
        if not row.runs:
            continue
        first, of_plan = min(row.runs, key=lambda run: run.seed), planned[row.network, row.key]
        name = plan.recording(of_plan)
        view = store.open_run(first.run)
        if not view.recorded:
            whole = row.key in plan.weights
            rows = recording.ROWS if whole else FEW_ROWS
            paths.append(recording.record(view, name, runs or store.recorded_root(), rows, weights=whole))
        kept.append(dataclasses.replace(row, runs=tuple(_named(run, name if run is first else "") for run in row.runs)))
    return [*paths, keep_table(plan, Table(plan.name, tuple(kept)), results)]


def keep_table(plan: Plan, table: Table, results: Path | None = None) -> Path:
    """Writes rows beside the code as they are, and leaves those that were kept before and are not among them."""
    path = results_path(plan.name, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, Table(plan.name, _merged(plan, list(table.rows), results)).to_json().encode())
    return path


def _named(run: RunResult, name: str) -> RunResult:
    return dataclasses.replace(run, run=name)


def _merged(plan: Plan, rows: list[Row], results: Path | None) -> tuple[Row, ...]:
    """These rows and those kept before that are still planned, in the plan's order."""
    try:
        before = recorded(plan.name, results).rows
    except NoResults:
        before = ()
    by_key = {(row.network, row.key): row for row in (*before, *rows)}
    order = [(row.network, row.key) for row in plan.rows]
    return tuple(by_key[key] for key in order if key in by_key)
