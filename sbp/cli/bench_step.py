"""python -m sbp bench step: how long a training step takes, with and without noise."""

from __future__ import annotations

from typing import Annotated

import torch
import typer

from sbp.benchmarks import steps
from sbp.cli.bench import DEVICE, ROUNDS, THREADS, resolve, show
from sbp.cli.errors import user_errors
from sbp.cli.options import JSON
from sbp.cli.output import stderr

_BATCH = typer.Option("--batch", min=1, help="Examples per step; may be repeated.")


@user_errors
def bench_step(
    device: Annotated[str, DEVICE] = "auto",
    batch: Annotated[list[int] | None, _BATCH] = None,
    rounds: Annotated[int, ROUNDS] = 30,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure a training step of both LeNets with noise, beside the same network without it."""
    where = resolve(device)
    if threads:
        torch.set_num_threads(threads)
    with stderr().status("Measuring steps") as status:
        batches = tuple(batch or (128, 1000))
        found = steps.measure(where, batches, rounds, lambda share: status.update(f"Measuring steps: {share:.0%}"))
    show(found, as_json)
