"""What the verbs of `bench` share: options, devices, and the table of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from sbp.cli.errors import BadInput
from sbp.cli.output import PLAIN, print_json, stdout
from sbp.machine import devices

if TYPE_CHECKING:
    from sbp.benchmarks.timing import Line, Report

_DEVICES = ("cpu", "cuda", "auto")
Device = Annotated[str, typer.Option(help=f"One of {', '.join(_DEVICES)}; auto: cuda if it works, else cpu.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads; 0: as many as the machine has.")]
Rounds = Annotated[int, typer.Option(min=3, help="How many times each thing is timed, in turns with the others.")]
ImageSize = Annotated[int, typer.Option(min=32, help="Rows and columns of the images of the larger networks.")]


def resolve(device: str) -> str:
    """The device of that name, of these or auto; raises `BadInput` when it cannot be had."""
    if device not in _DEVICES:
        raise BadInput(f"--device: expected one of {', '.join(_DEVICES)}, got {device!r}.")
    if device == "auto":
        return "cpu" if devices.why_missing("cuda") or devices.why_broken("cuda") else "cuda"
    try:
        return devices.resolve(device)
    except devices.DeviceError as error:
        raise BadInput(f"--device: {error}") from None


def show(report: Report, as_json: bool = False) -> None:
    """Prints a report: where it was measured, one row per figure, remarks; with `as_json` as one line of JSON."""
    if as_json:
        print_json(report.to_dict())
        return
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    typer.echo(f"{report.name}: {report.hardware}; {versions}; load {report.load:.2f} per core before")
    figures = ("median", "IQR", "95th", "n", "target", "x yardstick")
    table = Table("what", *(Column(name, justify="right") for name in figures), "yardstick", **PLAIN)
    for line in report.lines:
        table.add_row(
            line.what,
            *(figure(value, line.unit) for value in (line.median, line.spread, line.p95)),
            str(line.n),
            _target(line),
            _ratio(line),
            line.yardstick,
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


def _ratio(line: Line) -> str:
    if line.paired_ratio is None:
        return f"{line.ratio:.2f}"
    return f"{line.paired_ratio:.3f} (IQR {line.paired_spread:.3f})"


def _target(line: Line) -> str:
    return " / ".join(f"{value:,.0f}" for value in line.reach if value is not None)
