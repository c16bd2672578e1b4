"""python -m sbp sweep: tries every threshold of every criterion on a run's held-out examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from sbp.cli.errors import needs_noise, user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import PLAIN, print_json, stderr, stdout
from sbp.compaction.weights import network_of
from sbp.data import datasets
from sbp.evaluation.sweep import sweep as try_thresholds
from sbp.machine.devices import describe
from sbp.runs import store
from sbp.runs.files import replace_bytes
from sbp.runs.store import BadRequest, RunFolder, RunView
from sbp.viz.labels import widths

_OUT = typer.Option("--out", help="Write the sweep to this file instead of the run's folder.", show_default=False)


@user_errors
def sweep(run: Run, out: Annotated[Path | None, _OUT] = None, as_json: AsJson = False) -> None:
    """Try every threshold of every criterion on a run with weights: units kept, cost and error of each.

    Replaces the sweep that a finished run already has; recorded runs are never written to.
    """
    view = store.find_run(run).sound()
    needs_noise(view)
    if view.alive:
        raise BadRequest(f"{view.id} is {view.state}; a sweep is made when it ends. Wait, or stop it first.")
    if view.config.tracked:
        raise BadRequest(f"{view.id} is a run of sbp.track, which has neither weights nor data to try thresholds on.")
    if view.model_path is None:
        raise BadRequest(f"{view.id} has no weights yet; they are saved with its first checkpoint.")
    found = _tried(view)
    if out is not None:
        replace_bytes(out, f"{json.dumps(found, allow_nan=False)}\n".encode())
    elif not view.recorded:
        with RunFolder(view.folder) as folder:
            folder.write_sweep(found)
    if as_json:
        print_json(found)
    else:
        stdout().print(table_of(found, view.description.dense_macs()))
        of = "held-out" if found["objects"] == "validation" else "training"
        typer.echo(f"Errors on {found['n']:,} {of} images.")


def _tried(view: RunView) -> dict[str, Any]:
    """The sweep of a run's weights, on the CPU and on the examples that its worker would use."""
    config = view.config
    network = network_of(config, view.model_path)
    split = datasets.prepare(datasets.load(config.data.dataset), config.data, seed=config.seed)
    stderr().print("Trying thresholds")
    return try_thresholds(network, *split.trial(), config.seed, describe("cpu"))


def table_of(found: Mapping[str, Any], dense: int) -> Table:
    """A row for each criterion at its own threshold, for baselines at SNR's; dense: MACs before pruning."""
    table = Table("criterion", "threshold", "kept", "error", "MAC reduction", **PLAIN)
    for criterion in found["criteria"].values():
        natural = criterion["natural"]
        wanted = found["criteria"][found["natural"]]["natural"] if natural is None else natural
        point = next(point for point in criterion["points"] if point["threshold"] == wanted)
        table.add_row(
            criterion["title"],
            "as many as SNR" if natural is None else f"{natural:g}",
            widths(point["kept"]),
            f"{point['error_percent']:.2f} %",
            f"{dense / point['macs']:.1f}x" if point["macs"] else "all",
        )
    return table
