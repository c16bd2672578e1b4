"""Runs as text: a block about one, with what its result depends on, and a table of many."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer
from rich.console import Console
from rich.table import Column, Table

from sbp.machine.distributed import Ranks
from sbp.runs.view import RunView
from sbp.viz.labels import bound_text, widths, with_random_labels

# How a table without rules is drawn.
PLAIN: Any = {"box": None, "header_style": "bold", "pad_edge": False}
_COLUMNS = ("run", "state", "data", "epochs", "test error", "kept", "MAC reduction", "time")


def print_json(value: Any) -> None:
    """One line of strict JSON on stdout."""
    typer.echo(json.dumps(value, allow_nan=False))


def describe_run(run: Mapping[str, Any]) -> str:
    """A run in a few lines: state, result, and the bound, seed, n and hardware behind it."""
    lines = [f"{run['id']}: {run['state']}. {run['message']}"]
    if run["network"] is None:  # its config is unreadable, as the message says
        return lines[0]
    lines.append(f"  {run['network']} on {run['dataset']}, method {run['method']}, preset {run['preset']}")
    numbers = []
    if run["test_error_percent"] is not None:
        numbers.append(f"{run['test_error_percent']:.2f} % test error{_of(run['n_test'])}")
    elif run["validation_error_percent"] is not None:
        numbers.append(f"{run['validation_error_percent']:.2f} % validation error so far")
    if run["kept"]:
        numbers.append(f"kept {widths(run['kept'])}")
    if run["macs"] is not None:
        numbers.append(f"{run['macs']:,} of {run['macs_dense']:,} MACs ({reduction_text(run)} fewer)")
    if numbers:
        lines.append("  " + ", ".join(numbers))
    where = run["hardware"] or run["device"]
    n_train = f"n = {run['n_train']:,}" if run["n_train"] else "n unknown so far"
    seconds = f", {run['seconds']:,.0f} s" if run["seconds"] is not None else ""
    noisy = with_random_labels(1.0 if run["random_labels"] else run["label_noise"] or 0.0)
    lines.append(f"  {bound_text(run)}; seed {run['seed']}, {n_train}{noisy}, {where}{seconds}")
    return "\n".join(lines)


def reduction_text(run: Mapping[str, Any]) -> str:
    """The reduction of MACs, as "11.2x"; "all" for a network with none left."""
    if run["macs_reduction"] is not None:
        return f"{run['macs_reduction']:.1f}x"
    return "all" if run["macs"] == 0 else ""


def table_of(views: list[RunView]) -> Table:
    """One row per run."""
    columns = [Column(name, no_wrap=name == "run", overflow="fold") for name in _COLUMNS]
    table = Table(*columns, **PLAIN)
    for view in views:
        run = view.summary()
        error = run["test_error_percent"]
        table.add_row(
            run["id"],
            f"{run['state']}{' (recorded)' if view.recorded else ''}",
            str(run["dataset"] or ""),
            f"{run['epochs_done']}/{run['epochs']}" if run["epochs_done"] is not None else "",
            "" if error is None else f"{error:.2f} %",
            widths(run["kept"]) if run["kept"] else "",
            reduction_text(run),
            "" if run["seconds"] is None else f"{run['seconds']:,.0f} s",
        )
    return table


def stdout() -> Console:
    """For tables; a new one for each call, since stdout may have been replaced. Piped text is not folded.

    No markup, here and on stderr: names of files and messages of other programs hold brackets.
    """
    console = Console(markup=False, emoji=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, emoji=False, highlight=False, width=200)


def stderr() -> Console:
    """For progress and remarks, so that stdout holds results alone; only rank 0 prints."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False, quiet=Ranks.of_environment().rank > 0)


def _of(n: int | None) -> str:
    return f" on {n:,} images" if n else ""
