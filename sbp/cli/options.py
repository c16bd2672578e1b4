"""Arguments and options that several verbs share."""

from __future__ import annotations

from typing import Any

import typer

from sbp.spec import run_fields

RUN: Any = typer.Argument(metavar="RUN", help="A run's id, the start of one that no other run shares, or latest.")
JSON: Any = typer.Option("--json", help="Print JSON.")
END_JSON: Any = typer.Option("--json", help="End with the run as one line of JSON.")
DETACH: Any = typer.Option("--detach", help="Return at once; the run goes on by itself.")


def field_option(name: str, help: str = "") -> Any:
    """An option named after a field of a run, with the field's own sentence as its help."""
    sentence = help or run_fields()[name].help
    return typer.Option(f"--{name.replace('_', '-')}", help=sentence, show_default=False)
