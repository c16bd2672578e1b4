"""python -m sbp search: tries configurations of a run, here or on a cluster, and prints the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sbp.cli.errors import INTERRUPTED, BadInput, user_errors
from sbp.cli.follow import counted_interrupts
from sbp.cli.options import AsJson
from sbp.cli.output import PLAIN, stderr, stdout
from sbp.runs import launchers
from sbp.runs.files import replace_bytes
from sbp.search.table import SearchTable

_FILE = typer.Argument(metavar="FILE", help="YAML: name, base, search, seeds, budget, sampler, pruner.")
_OUT = typer.Option("--out", help="Write the table to this file too, .csv or .json.", show_default=False)


@user_errors
def search(file: Annotated[Path, _FILE], out: Annotated[Path | None, _OUT] = None, as_json: AsJson = False) -> None:
    """Search over the fields of a run: grid, random or TPE, judged by held-out images.

    Called again, it goes on where it was: runs that were cut off are resumed. Ctrl-C stops its runs with a checkpoint.
    """
    if out is not None and out.suffix not in (".csv", ".json"):
        raise BadInput(f"--out: expected a file that ends in .csv or .json, got {out.name!r}.")
    try:
        from sbp.search.drive import Search  # Optuna and PyYAML are extras: not everybody has them
        from sbp.search.plan import read_plan
    except ImportError as error:
        raise BadInput(f"A search needs Optuna and PyYAML ({error}): pip install optuna pyyaml.") from None
    found = Search(read_plan(file), launchers.chosen(), lambda text: stderr().print(text, soft_wrap=True))
    with counted_interrupts() as presses:
        table = found.run(lambda: presses() > 0)
    if out is not None:
        replace_bytes(out, (table.csv() if out.suffix == ".csv" else table.json()).encode())
    if as_json:
        typer.echo(table.json(), nl=False)
    else:
        stdout().print(printed(table))
        if table.best:
            typer.echo(f"Best by held-out error: trial {table.best.number}.")
    if presses():
        stderr().print("Stopped; the same command goes on.")
        raise typer.Exit(INTERRUPTED)


def printed(table: SearchTable) -> Table:
    """A row a configuration, for a terminal."""
    columns = Table("trial", *table.fields, "state", "epoch", "held-out error", "MACs", **PLAIN)
    for row in table.rows:
        error = "" if row.error_percent is None else f"{row.error_percent:.2f} %"
        macs = "" if row.macs is None else f"{row.macs:,.0f}"
        values = [str(row.values.get(name, "")) for name in table.fields]
        columns.add_row(str(row.number), *values, row.state, str(row.epoch or ""), error, macs)
    return columns
