"""python -m sbp bench train: how long a whole training takes, with and without noise."""

from __future__ import annotations

from typing import Annotated

import torch
import typer

from sbp.benchmarks import steps
from sbp.cli.bench import DEVICE, THREADS, resolve, show
from sbp.cli.errors import user_errors
from sbp.cli.options import JSON
from sbp.cli.output import stderr
from sbp.data.datasets import default_dataset
from sbp.spec.networks import SPECS

_SHRINK = typer.Option(min=0, help="Also train with units cut out once pruned for this many epochs; 0: do not.")


@user_errors
def bench_train(
    network: Annotated[str, typer.Argument(help=f"One of {', '.join(SPECS)}.")] = "lenet-500-300",
    preset: Annotated[str, typer.Option(help="The preset.")] = "quick",
    device: Annotated[str, DEVICE] = "auto",
    data: Annotated[str, typer.Option(help="auto: mnist if present, else digits.")] = "auto",
    shrink_after: Annotated[int, _SHRINK] = 0,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure a preset's whole training, beside as many epochs without noise; saves no run."""
    where = resolve(device)
    if threads:
        torch.set_num_threads(threads)
    dataset = default_dataset()[0] if data == "auto" else data
    with stderr().status("Training three times" if shrink_after else "Training twice"):
        found = steps.train(network, preset, where, dataset, shrink_after=shrink_after)
    show(found, as_json)
