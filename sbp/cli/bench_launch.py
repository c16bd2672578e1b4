"""python -m sbp bench launch: what a run costs beside its training, on this machine or on the cluster of $SBP_DASK."""

from __future__ import annotations

import os
import time
from statistics import fmean, median
from typing import Annotated, Any

import typer

from sbp.cli.errors import Failed, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import print_json
from sbp.runs import launchers, store
from sbp.runs.filenames import GROWING
from sbp.spec import RunConfig

_N = typer.Option("--n", help="How many runs.", min=1)
_AT_ONCE = typer.Option("--at-once", help="Hand over all at once, instead of one after the other.")
POLL_SECONDS, AT_ONCE_SECONDS = 0.02, 0.2
CONFIG = RunConfig.flat(
    dataset="digits", epochs=5, device="cpu", threads=1, batch_size=100, train_size=1000, validation_size=300
)


@user_errors
def bench_launch(
    n: Annotated[int, _N] = 3, at_once: Annotated[bool, _AT_ONCE] = False, as_json: AsJson = False
) -> None:
    """Measure the seconds from asking for a run to its first step, and the bytes that an epoch adds to its folder.

    With --at-once, runs a minute instead, and of each the seconds of its place in which it does not train. The runs
    stay in the folder of runs, LeNet-500-300 on the small digits for 5 epochs.
    """
    launcher, configs = launchers.chosen(), [CONFIG.replace(seed=seed) for seed in range(n)]
    if at_once:
        told: dict[str, Any] = _together(launcher, configs)
    else:
        found = [_measured(launcher, config) for config in configs]
        told = {name: median(one[name] for one in found) for name in found[0]}
    told |= {"launcher": launcher.name, "n": n, "cores": os.cpu_count()}
    if as_json:
        print_json(told)
    elif at_once:
        typer.echo(
            f"{launcher.name}, n = {n} at once, {told['places']} at a time: {told['seconds']:.1f} s, "
            f"{told['runs_a_minute']:.1f} runs a minute; {told['overhead_seconds']:.1f} s a run beside its training."
        )
    else:
        typer.echo(
            f"{launcher.name}, n = {n}, medians: {told['first_step_seconds']:.1f} s to the first step, "
            f"{told['end_seconds']:.1f} s to the end; {told['bytes_an_epoch']:,.0f} bytes an epoch, "
            f"{told['bytes']:,.0f} bytes in all."
        )


def _together(launcher: launchers.Launcher, configs: list[RunConfig]) -> dict[str, float]:
    begun = time.monotonic()
    runs = [launcher.start(config) for config in configs]
    while any(store.open_run(run).state.active for run in runs):
        time.sleep(AT_ONCE_SECONDS)
    seconds, trained = time.monotonic() - begun, []
    for view in map(store.open_run, runs):
        if not view.result:
            raise Failed(f"{view.id} is {view.state}: {view.message}")
        trained.append(view.result["seconds"])
    places = min(len(runs), launcher.capacity(configs[0].device))
    return {
        "seconds": seconds,
        "places": places,
        "runs_a_minute": 60 * len(runs) / seconds,
        "overhead_seconds": places * seconds / len(runs) - fmean(trained),
    }


def _measured(launcher: launchers.Launcher, config: RunConfig) -> dict[str, float]:
    begun, first = time.monotonic(), 0.0
    run = launcher.start(config)
    while (view := store.open_run(run)).state.active:
        if not first and ((view.progress or {}).get("step") or view.records()):
            first = time.monotonic() - begun
        time.sleep(POLL_SECONDS)
    if not first or not view.result:
        raise Failed(f"{run} is {view.state}: {view.message}")
    sizes = {path.name: path.stat().st_size for path in view.folder.iterdir()}
    grown = sum(size for name, size in sizes.items() if name in GROWING)
    return {
        "first_step_seconds": first,
        "end_seconds": time.monotonic() - begun,
        "bytes_an_epoch": grown / config.schedule.epochs,
        "bytes": float(sum(sizes.values())),
    }
