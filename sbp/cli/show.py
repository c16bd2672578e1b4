"""python -m sbp show: one run. On its own, as its findings need pandas, for which a list of runs need not wait."""

from __future__ import annotations

from typing import Annotated

import typer

from sbp.cli.errors import user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import describe_run, print_json, stderr
from sbp.runs import remote, store
from sbp.runs.states import State
from sbp.viz.findings import findings

_LOG = typer.Option("--log", help="How many lines of the worker's log to show, from the end.")


@user_errors
def show(run: Run, log: Annotated[int, _LOG] = 0, as_json: AsJson = False) -> None:
    """Show one run: its state, its results and what they depend on."""
    view = store.find_run(run)
    if as_json:
        print_json(view.summary())
        view.sound()
        return
    typer.echo(describe_run(view.summary()))
    typer.echo(f"  in {view.folder}")
    lines = log or (20 if view.state in (State.FAILED, State.LOST) else 0)
    if lines and view.log_tail(lines):
        typer.echo(f"End of log.txt:\n{view.log_tail(lines)}")
    if trouble := remote.trouble():
        stderr().print(f"This may be old: {trouble}", soft_wrap=True)
    if not view.problem:
        for finding in findings(view):
            stderr().print(str(finding), soft_wrap=True)
    if view.resumable:
        stderr().print(f"Resume it with: python -m sbp resume {view.id}", soft_wrap=True)
    view.sound()  # a run with a problem cannot be relied on: say so in the exit code too
