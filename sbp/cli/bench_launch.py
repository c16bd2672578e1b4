"""python -m sbp bench launch: what a run costs beside its training, on this machine or on the cluster of $SBP_DASK."""

from __future__ import annotations

import os
import time
from statistics import median
from typing import Annotated, Any

import typer

from sbp.cli.errors import Failed, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import print_json
from sbp.runs import launchers, store
from sbp.runs.filenames import GROWING
from sbp.spec import RunConfig

_N = typer.Option("--n", help="How many runs, one after the other.", min=1)
POLL_SECONDS = 0.02
CONFIG = RunConfig.flat(
    dataset="digits", epochs=5, device="cpu", threads=1, batch_size=100, train_size=1000, validation_size=300
)


@user_errors
def bench_launch(n: Annotated[int, _N] = 3, as_json: AsJson = False) -> None:
    """Measure the seconds from asking for a run to its first step, and the bytes that an epoch adds to its folder.

    The runs stay in the folder of runs, LeNet-500-300 on the small digits for 5 epochs.
    """
    launcher = launchers.chosen()
    found = [_measured(launcher, CONFIG.replace(seed=seed)) for seed in range(n)]
    told: dict[str, Any] = {name: median(one[name] for one in found) for name in found[0]}
    told |= {"launcher": launcher.name, "n": n, "cores": os.cpu_count()}
    if as_json:
        print_json(told)
        return
    typer.echo(
        f"{launcher.name}, n = {n}, medians: {told['first_step_seconds']:.1f} s to the first step, "
        f"{told['end_seconds']:.1f} s to the end; {told['bytes_an_epoch']:,.0f} bytes an epoch, "
        f"{told['bytes']:,.0f} bytes in all."
    )


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
