"""python -m sbp bench math, step, train, runs, pages: how fast the mathematics, the training and the app are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
import typer

from sbp.benchmarks import many_runs, maths, pages, steps, zoo, zoo_steps
from sbp.benchmarks.browser import Missing
from sbp.benchmarks.timing import Report, joined
from sbp.cli.bench import Device, ImageSize, Rounds, Threads, resolve, show
from sbp.cli.errors import BadInput, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import stderr
from sbp.data.datasets import default_dataset
from sbp.runs import store
from sbp.spec.networks import SPECS

_BATCH = typer.Option("--batch", min=1, help="Examples per step; may be repeated.")
_STEP_NETWORKS = (*steps.NETWORKS, *zoo.CONFIGS)
_NETWORK = typer.Option(help=f"One of {', '.join(_STEP_NETWORKS)}; may be repeated. None: both LeNets.")
_PRECISION = typer.Option(help=f"Of the larger networks' forward pass: {' or '.join(zoo_steps.PRECISIONS)}.")
_COMPILE = typer.Option("--compile", help="Compile these networks by torch.compile, with noise and without.")
_CHANNELS_LAST = typer.Option("--channels-last", help="Have these networks' maps lie in memory with channels last.")
_SHRINK = typer.Option(min=0, help="Also train with units cut out once pruned for this many epochs; 0: do not.")


@user_errors
def bench_math(rounds: Rounds = 50, threads: Threads = 0, as_json: AsJson = False) -> None:
    """Measure moments, sampler and KL, each beside a lower bound of its cost."""
    with stderr().status("Measuring the mathematics") as status:
        found = maths.measure(threads, rounds, lambda share: status.update(f"Measuring the mathematics: {share:.0%}"))
    show(found, as_json)


@user_errors
def bench_step(
    network: Annotated[list[str] | None, _NETWORK] = None,
    device: Device = "auto",
    batch: Annotated[list[int] | None, _BATCH] = None,
    image_size: ImageSize = zoo.IMAGE_SIZE,
    precision: Annotated[str, _PRECISION] = "fp32",
    compiled: Annotated[bool, _COMPILE] = False,
    channels_last: Annotated[bool, _CHANNELS_LAST] = False,
    rounds: Rounds = 30,
    threads: Threads = 0,
    as_json: AsJson = False,
) -> None:
    """Measure a training step with noise, beside the same network without it; on a GPU also the memory of larger ones.

    The LeNets are trained as their runs are, at batch 128 and 1000 unless told otherwise; the others in a loop of one's
    own with sbp.attach, at batch 128 on a GPU and 4 on a CPU, which takes one to three minutes.
    """
    networks = tuple(network or steps.NETWORKS)
    if unknown := set(networks) - set(_STEP_NETWORKS):
        raise BadInput(f"--network: expected one of {', '.join(_STEP_NETWORKS)}, got {', '.join(sorted(unknown))}.")
    if precision not in zoo_steps.PRECISIONS:
        raise BadInput(f"--precision: expected one of {', '.join(zoo_steps.PRECISIONS)}, got {precision!r}.")
    own = [name for name in networks if name in steps.NETWORKS]
    if own and (precision, image_size, compiled, channels_last) != ("fp32", zoo.IMAGE_SIZE, False, False):
        raise BadInput(
            f"--precision, --image-size, --compile and --channels-last are for {', '.join(zoo.CONFIGS)}, not for "
            f"{', '.join(own)}; name one of the former by --network."
        )
    where = _on(device, threads)
    with stderr().status("Measuring steps") as status:

        def tell(share: float) -> None:
            status.update(f"Measuring steps: {share:.0%}")

        reports = [steps.measure(where, tuple(batch or (128, 1000)), rounds, tell, own)] if own else []
        for name in networks:
            for examples in (batch or (0,)) if name in zoo.CONFIGS else ():
                case = zoo_steps.Case(name, where, examples, image_size, precision, compiled, channels_last)
                reports.append(zoo_steps.measure(case, rounds, tell=tell))
    show(joined(reports), as_json)


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
    show(_in_browser("Measuring the pages", lambda tell: pages.measure(rounds, sessions, tell)), as_json)


@user_errors
def bench_runs(
    n: Annotated[int, typer.Option("--n", min=1, help="How many runs.")] = 10_000,
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Measure what a list of many runs costs, in the shell and as page Runs, beside a list of none.

    Needs what `bench pages` needs, and room for 90 kB a run in the folder for temporary files.
    """
    show(_in_browser("Measuring lists of runs", lambda tell: many_runs.measure(n, rounds, tell)), as_json)


def _in_browser(title: str, measure: Callable[[Callable[[str], None]], Report]) -> Report:
    """What is measured with a browser, which is told of as it goes on."""
    with stderr().status(title) as status:
        try:
            return measure(lambda what: status.update(f"{title}: {what}"))
        except Missing as error:
            raise store.BadRequest(str(error)) from None


def _on(device: str, threads: int) -> str:
    """The device that is measured, with so many CPU threads from now on; 0 leaves their number."""
    where = resolve(device)
    if threads:
        torch.set_num_threads(threads)
    return where
