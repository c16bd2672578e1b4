"""python -m sbp bench math, step, train and pages: a table with its yardsticks, or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sbp.cli.bench import DEVICE, THREADS, bench, resolve
from sbp.cli.errors import in_sentences
from sbp.cli.options import JSON
from sbp.cli.output import print_json, stderr, stdout
from sbp.runs import store
from sbp.spec.networks import SPECS

if TYPE_CHECKING:
    from sbp.benchmarks.timing import Line, Report

_ROUNDS: Any = typer.Option(min=3, help="How often each thing is timed, in turns with the others.")


@bench.command("math")
@in_sentences
def bench_math(
    rounds: Annotated[int, _ROUNDS] = 50,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure moments, sampler and KL, each beside the least that it could cost."""
    from sbp.benchmarks import maths

    with stderr().status("Measures the mathematics.") as status:
        found = maths.measure(threads, rounds, lambda share: status.update(f"Measures the mathematics: {share:.0%}."))
    show(found, as_json)


@bench.command("step")
@in_sentences
def bench_step(
    device: Annotated[str, DEVICE] = "auto",
    batch: Annotated[list[int] | None, typer.Option("--batch", min=1, help="Examples a step; may be repeated.")] = None,
    rounds: Annotated[int, _ROUNDS] = 30,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure a training step of both LeNets with the noise, beside the same network without it."""
    from sbp.benchmarks import steps

    where = resolve(device)
    use_threads(threads)
    with stderr().status("Measures steps.") as status:
        batches = tuple(batch or (128, 1000))
        found = steps.measure(where, batches, rounds, lambda share: status.update(f"Measures steps: {share:.0%}."))
    show(found, as_json)


@bench.command("train")
@in_sentences
def bench_train(
    network: Annotated[str, typer.Argument(help=f"One of {', '.join(SPECS)}.")] = "lenet-500-300",
    preset: Annotated[str, typer.Option(help="The recipe.")] = "quick",
    device: Annotated[str, DEVICE] = "auto",
    data: Annotated[str, typer.Option(help="auto: mnist where it is, else digits.")] = "auto",
    shrink_after: Annotated[int, typer.Option(min=0, help="Also with units cut out after so many epochs; 0: not.")] = 0,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure a preset's whole training, beside as many epochs without noise; keeps no run."""
    from sbp.benchmarks import steps
    from sbp.data.datasets import default_dataset

    where = resolve(device)
    use_threads(threads)
    dataset = default_dataset()[0] if data == "auto" else data
    with stderr().status("Trains three times." if shrink_after else "Trains twice."):
        found = steps.train(network, preset, where, dataset, shrink_after=shrink_after)
    show(found, as_json)


def use_threads(threads: int) -> None:
    """So many CPU threads; 0 leaves it to the machine."""
    if threads:
        import torch

        torch.set_num_threads(threads)


@bench.command("pages")
@in_sentences
def bench_pages(
    rounds: Annotated[int, _ROUNDS] = 20,
    sessions: Annotated[int, typer.Option(min=1, help="Open sessions that watch a live run.")] = 20,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure the pages in a headless Chromium, beside an app of one slider and one chart on the same Streamlit.

    Takes some minutes, and needs playwright and a Chromium (pip install playwright, then python -m playwright install
    chromium, or the system's package of it).
    """
    from sbp.benchmarks import pages
    from sbp.benchmarks.browser import Missing

    with stderr().status("Measures the pages.") as status:
        try:
            found = pages.measure(rounds, sessions, lambda what: status.update(f"Measures the pages: {what}."))
        except Missing as error:
            raise store.BadRequest(str(error)) from None
    show(found, as_json)


def show(report: Report, as_json: bool = False) -> None:
    """Prints a report: where it was measured, a row a figure, remarks; with `as_json` as one line of JSON."""
    from rich.markup import escape
    from rich.table import Table

    if as_json:
        print_json(report.to_dict())
        return
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    typer.echo(f"{report.name}: {report.hardware}; {versions}; load {report.load:.2f} a core before")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("what", "median", "IQR", "95th", "n", "reach", "x yardstick", "yardstick"):
        table.add_column(column, justify="left" if column in ("what", "yardstick") else "right")
    for line in report.lines:
        table.add_row(
            escape(line.what),
            *(figure(value, line.unit) for value in (line.median, line.spread, line.p95)),
            str(line.n),
            _reach(line),
            f"{line.ratio:.2f}",
            escape(line.yardstick),
        )
    stdout().print(table)
    for remark in report.remarks:
        typer.echo(remark)


def figure(value: float, unit: str) -> str:
    """A figure to three digits or so.

    >>> figure(0.01234, "ms"), figure(1234.5, "ms")
    ('0.012 ms', '1,234 ms')
    """
    return f"{value:.3f} {unit}" if value < 10 else f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"


def _reach(line: Line) -> str:
    return " / ".join(f"{value:,.0f}" for value in line.reach if value is not None)
