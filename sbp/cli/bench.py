"""python -m sbp bench: measures on this machine; each thing that can be measured is a verb of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sbp.cli.errors import BadInput, in_sentences
from sbp.cli.options import JSON, RUN
from sbp.cli.output import kept_text, print_json, stderr, stdout
from sbp.runs import store
from sbp.runs.speed import write_speed

if TYPE_CHECKING:
    from rich.table import Table

    from sbp.evaluation.latency import Measurement

# Of the median: on a quiet machine the interquartile range is a few per cent of it.
UNSTEADY = 0.25

bench = typer.Typer(help="Measure how fast things are on this machine.", no_args_is_help=True)

_DEVICES = ("cpu", "cuda", "auto")
DEVICE: Any = typer.Option(help=f"One of {', '.join(_DEVICES)}; auto: cuda where it works, else cpu.")
THREADS: Any = typer.Option(min=0, help="CPU threads; 0 leaves it to the machine.")


@bench.command("compact")
@in_sentences
def bench_compact(
    run: Annotated[str, RUN],
    device: Annotated[str, DEVICE] = "cpu",
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure a run's dense, masked and compact network, and keep the figures with the run.

    A forward pass in inference mode at batch 1, 32 and 1000, in float32, eager. Takes about half a minute on a CPU,
    minutes for VGG-like.
    """
    view = store.find_run(run).sound()
    measurement, kept = measured(view, resolve(device), threads)
    path = write_speed(view, measurement.to_dict())
    if as_json:
        facts = {"id": view.id, "network": view.config.network.name, "kept": kept}
        print_json({**facts, **measurement.to_dict()})
        return
    typer.echo(f"{view.id}: {view.config.network.name}, kept {kept_text(kept)}")
    typer.echo(f"  {_conditions(measurement)}")
    stdout().print(table_of(measurement))
    if unsteady := [row for row in measurement.rows if row.iqr_seconds > UNSTEADY * row.median_seconds]:
        where = ", ".join(f"{row.variant} at {row.batch:,}" for row in unsteady)
        remark = f"Spread above {UNSTEADY:.0%} of the median ({where}): something else was at work; measure again."
        stderr().print(remark, soft_wrap=True)
    typer.echo(f"Written to {path}.")


def measured(view: store.RunView, device: str, threads: int = 0) -> tuple[Measurement, list[int]]:
    """The speed of a run's networks on a device, and the units that the compact one keeps.

    A finished run without weights, as a recording of a large network is, is measured with weights at random.
    Raises `BadRequest` for a run that has a problem, or has neither weights nor finished.
    """
    from sbp.benchmarks.table_latency import speed_of_shapes
    from sbp.compaction.compact import masks_of
    from sbp.compaction.load import LoadError, network_of
    from sbp.evaluation.latency import measure, variants
    from sbp.networks.describe import described

    def tell(share: float) -> None:
        status.update(f"Measures {view.id}: {share:.0%}.")

    config = view.sound().config
    with stderr().status(f"Measures {view.id} on {device}.") as status:
        if view.model_path is None and view.result:
            stderr().print("Its folder holds no weights; those of its shapes are drawn at random.", soft_wrap=True)
            kept = [int(count) for count in view.result["kept"]]
            return speed_of_shapes(config.network.name, config.network.widths, kept, device, threads, tell), kept
        try:
            network = network_of(config, view.model_path)
        except LoadError as error:
            raise store.BadRequest(f"{view.id}: {error}") from None
        networks, network_is = variants(network), described(network)
        kept = [int(mask.sum()) for mask in masks_of(network).values()]
        if not network_is.macs(kept):
            remark = "Nothing is kept in some layer: the compact network is the constant predictor."
            stderr().print(remark, soft_wrap=True)
        measurement = measure(networks, device, threads, progress=tell, image=network_is.image)
    return measurement, kept


def resolve(device: str) -> str:
    """The device of that name, of these or auto; raises `BadInput` when it cannot be had."""
    from sbp.machine import devices

    if device not in _DEVICES:
        raise BadInput(f"--device: expected one of {', '.join(_DEVICES)}, got {device!r}.")
    if device == "auto":
        return "cpu" if devices.missing("cuda") or devices.broken("cuda") else "cuda"
    try:
        return devices.resolve(device)
    except devices.DeviceError as error:
        raise BadInput(f"--device: {error}") from None


def _conditions(measurement: Measurement) -> str:
    threads = f"{measurement.threads} thread{'' if measurement.threads == 1 else 's'}"
    versions = ", ".join(f"{name} {version}" for name, version in measurement.versions.items())
    return f"{measurement.device}: {measurement.hardware}, {threads}, {versions}"


def table_of(measurement: Measurement) -> Table:
    """One line per batch size and variant, with the speed-up over the dense network at that batch size."""
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("batch", "variant", "median", "IQR", "n", "images/s", "speed-up"):
        table.add_column(column, justify="left" if column == "variant" else "right")
    for row in measurement.rows:
        times = measurement.times_as_fast(row.variant, row.batch)
        table.add_row(
            f"{row.batch:,}",
            row.variant,
            milliseconds(row.median_seconds),
            milliseconds(row.iqr_seconds),
            f"{row.n:,}",
            f"{row.images_per_second:,.0f}",
            f"{times:.2f}x",
        )
    return table


def milliseconds(seconds: float) -> str:
    """A duration in milliseconds, to a microsecond.

    >>> milliseconds(0.0123456)
    '12.346 ms'
    """
    return f"{1e3 * seconds:,.3f} ms"
