"""python -m sbp runs, stop, record: list runs, stop one, save one as a recorded run."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from sbp.cli.errors import user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import print_json, stderr, stdout, table_of
from sbp.runs import launcher, recording, remote, store

_LIVE = typer.Option("--live", help="Leave out the recorded runs that ship with the code.")
_LAST = typer.Option("--last", help="How many runs of your own to list; 0 lists all.", min=0)
_NAME = typer.Option(help="Name of the recorded run. [default: network and preset]", show_default=False)
_WEIGHTS = typer.Option("--weights/--without-weights", help="Include the network's weights, most of the size.")


@user_errors
def runs(
    live: Annotated[bool, _LIVE] = False, last: Annotated[int, _LAST] = store.NEWEST, as_json: AsJson = False
) -> None:
    """List runs, newest first; recorded runs last. As JSON all of them."""
    views = store.list_runs(recorded=not live, most=None if as_json else last or None)
    if as_json:
        print_json([view.summary() for view in views])
    elif views:
        stdout().print(table_of(views))
        for view in views:
            if view.problem:
                stderr().print(f"{view.id}: {view.problem}", soft_wrap=True)
    else:
        typer.echo(f"There are no runs in {store.place_of()} yet; python -m sbp train starts one.")
    if not as_json and last and (count := store.count_runs()) > last:
        stderr().print(f"These are the newest {last:,} of {count:,} runs; --last 0 lists all.")
    if trouble := remote.trouble():
        stderr().print(f"The list may be old: {trouble}", soft_wrap=True)
    if names := store.unread():
        stderr().print(
            f"Not read because of their names: {', '.join(map(repr, names))}. A run's name holds letters of ASCII, "
            "digits, dots, dashes and underscores; rename the folder.",
            soft_wrap=True,
        )


@user_errors
def stop(
    run: Run,
    wait: Annotated[float, typer.Option(help="How many seconds to wait until it has stopped.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """Stop a run after its current step; it saves a checkpoint to resume from."""
    run_id = store.find_run(run).id
    launcher.stop(run_id)
    end = time.monotonic() + wait
    view = store.open_run(run_id)
    while view.state.active and time.monotonic() < end:
        time.sleep(0.1)
        view = store.open_run(run_id)
    if as_json:
        print_json(view.summary())
    else:
        typer.echo(f"{view.id}: {view.state}. {view.message}")


@user_errors
def record(
    run: Run,
    name: Annotated[str | None, _NAME] = None,
    weights: Annotated[bool, _WEIGHTS] = True,
    kept_only: Annotated[bool, typer.Option("--kept-only", help="Leave out the weights of pruned units.")] = False,
    as_json: AsJson = False,
) -> None:
    """Save a finished run as a recorded run that ships with the code: the same folder with fewer snapshots."""
    view = store.find_run(run).sound()
    # An empty --name is a name, and refused; without one it is made from the run's config, which is
    # unchecked text too.
    chosen = f"{view.config.network.name}-{view.config.preset}" if name is None else name
    folder = recording.record(view, chosen, weights=weights, kept_only=kept_only)
    if as_json:
        print_json(store.open_run(folder.name).summary())
    else:
        size = sum(file.stat().st_size for file in folder.iterdir())
        typer.echo(f"{view.id} was recorded as {folder.name}, {size / 1e6:.1f} MB, in {folder}.")
