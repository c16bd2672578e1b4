"""Arguments and options that several verbs share."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sbp.spec import run_fields

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, a unique prefix of one, or latest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EndJson = Annotated[bool, typer.Option("--json", help="Print the run as one line of JSON at the end.")]
Detach = Annotated[bool, typer.Option("--detach", help="Return at once; the run continues in the background.")]


def field_option(name: str, help: str = "") -> Any:
    """An option named after a field of a run, with the field's own sentence as its help."""
    sentence = help or run_fields()[name].help
    return typer.Option(f"--{name.replace('_', '-')}", help=sentence, show_default=False)
