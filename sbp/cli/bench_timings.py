"""python -m sbp bench math, step, train, pages: how fast the mathematics, the training and the app are."""

from __future__ import annotations

from typing import Annotated

import torch
import typer

from sbp.benchmarks import maths, pages, steps
from sbp.benchmarks.browser import Missing
from sbp.cli.bench import Device, Rounds, Threads, resolve, show
from sbp.cli.errors import user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import stderr
from sbp.data.datasets import default_dataset
from sbp.runs import store
from sbp.spec.networks import SPECS

_BATCH = typer.Option("--batch", min=1, help="Examples per step; may be repeated.")
_SHRINK = typer.Option(min=0, help="Also train with units cut out once pruned for this many epochs; 0: do not.")


@user_errors
def bench_math(rounds: Rounds = 50, threads: Threads = 0, as_json: AsJson = False) -> None:
    """Measure moments, sampler and KL, each beside a lower bound of its cost."""
    with stderr().status("Measuring the mathematics") as status:
        found = maths.measure(threads, rounds, lambda share: status.update(f"Measuring the mathematics: {share:.0%}"))
    show(found, as_json)


@user_errors
def bench_step(
    device: Device = "auto",
    batch: Annotated[list[int] | None, _BATCH] = None,
    rounds: Rounds = 30,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a training step of both LeNets with noise, beside the same network without it."""
    where = _on(device, threads)
    with stderr().status("Measuring steps") as status:
        batches = tuple(batch or (128, 1000))
        found = steps.measure(where, batches, rounds, lambda share: status.update(f"Measuring steps: {share:.0%}"))
    show(found, as_json)


@user_errors
def bench_train(
    network: Annotated[str, typer.Argument(help=f"One of {', '.join(SPECS)}.")] = "lenet-500-300",
    preset: Annotated[str, typer.Option(help="The preset.")] = "quick",
    device: Device = "auto",
    data: Annotated[str, typer.Option(help="auto: mnist if present, else digits.")] = "auto",
    shrink_after: Annotated[int, _SHRINK] = 0,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a preset's whole training, beside as many epochs without noise; saves no run."""
    where = _on(device, threads)
    dataset = default_dataset()[0] if data == "auto" else data
    with stderr().status("Training three times" if shrink_after else "Training twice"):
        found = steps.train(network, preset, where, dataset, shrink_after=shrink_after)
    show(found, as_json)


@user_errors
def bench_pages(
    rounds: Rounds = 20,
    sessions: Annotated[int, typer.Option(min=1, help="Open sessions watching a live run.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Measure the pages in a headless Chromium, beside an app of one slider and one chart on the same Streamlit.

    Takes a few minutes, and needs playwright and a Chromium (pip install playwright, then python -m playwright install
    chromium, or the system's package).
    """
    with stderr().status("Measuring the pages") as status:
        try:
            found = pages.measure(rounds, sessions, lambda what: status.update(f"Measuring the pages: {what}"))
        except Missing as error:
            raise store.BadRequest(str(error)) from None
    show(found, as_json)


def _on(device: str, threads: int) -> str:
    """The device that is measured, with so many CPU threads from now on; 0 leaves their number."""
    where = resolve(device)
    if threads:
        torch.set_num_threads(threads)
    return where
