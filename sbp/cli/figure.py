"""python -m sbp figure: a figure of a run as a file, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sbp.cli.errors import BadInput, user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import print_json
from sbp.runs import store
from sbp.runs.files import replace_bytes
from sbp.viz import export, named

_NAME = typer.Argument(metavar="NAME", help=f"One of {', '.join(named.FIGURES)}.")
_OUT = typer.Option("--out", "-o", help="The file to write: .svg or .png. [default: RUN-NAME.svg]", show_default=False)
_LAYER = typer.Option(help="The layer, for a figure of one. [default: the first]", show_default=False)
_EPOCH = typer.Option(min=0, help="The epoch that is marked. [default: the newest]", show_default=False)
_BESIDE = typer.Option(help="The other run, for a figure of two.", show_default=False)
_WIDTH = typer.Option(min=200, max=4000, help="Pixels of the plot's width.")


@user_errors
def figure(
    run: Run,
    name: Annotated[str, _NAME],
    out: Annotated[Path | None, _OUT] = None,
    layer: Annotated[str, _LAYER] = "",
    epoch: Annotated[int | None, _EPOCH] = None,
    beside: Annotated[str, _BESIDE] = "",
    width: Annotated[int, _WIDTH] = export.WIDTH,
    as_json: AsJson = False,
) -> None:
    """Write a figure of a run as SVG or PNG, with its title, its run and the seed in it."""
    view = store.find_run(run).sound()
    path = out or Path(f"{view.id}-{name}.svg")
    write = {".svg": export.svg, ".png": export.png}.get(path.suffix.lower())
    if write is None:
        raise BadInput(f"--out: expected a file that ends in .svg or .png, got {path.name}.")
    other = store.find_run(beside).sound() if beside else None
    chart = named.made(name, view, layer, epoch, other)
    square = named.SIDE if name == "pixels" and width == export.WIDTH else width
    replace_bytes(path, write(chart, square))
    if as_json:
        print_json({"id": view.id, "figure": name, "file": str(path), "description": chart.description})
    else:
        typer.echo(f"Wrote {path}: {chart.description}")
