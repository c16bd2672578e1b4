"""python -m sbp bench compact: how fast a run's dense, masked and compact networks are."""

from __future__ import annotations

import typer
from rich.table import Column, Table

from sbp.benchmarks.table_latency import speed_of_shapes
from sbp.cli.bench import Device, Threads, resolve
from sbp.cli.errors import user_errors
from sbp.cli.options import AsJson, Run
from sbp.cli.output import PLAIN, print_json, stderr, stdout
from sbp.compaction.compact import masks_of
from sbp.compaction.load import LoadError
from sbp.compaction.weights import network_of
from sbp.evaluation import latency
from sbp.evaluation.latency import Measurement
from sbp.networks.describe import described
from sbp.runs import store
from sbp.runs.speed import write_speed
from sbp.viz.labels import widths

# Of the median: on a quiet machine the interquartile range is a few per cent of it.
UNSTEADY = 0.25


@user_errors
def bench_compact(run: Run, device: Device = "cpu", threads: Threads = 0, as_json: AsJson = False) -> None:
    """Measure a run's dense, masked and compact networks, and save the figures with the run.

    Times a forward pass in inference mode at batch 1, 32 and 1000, in float32, eager. Takes about half a minute on a
    CPU, minutes for VGG-like.
    """
    view = store.find_run(run).sound()
    measurement, kept = measured(view, resolve(device), threads)
    path = write_speed(view, measurement.to_dict())
    if as_json:
        facts = {"id": view.id, "network": view.config.network.name, "kept": kept}
        print_json({**facts, **measurement.to_dict()})
        return
    typer.echo(f"{view.id}: {view.config.network.name}, kept {widths(kept)}")
    typer.echo(f"  {_conditions(measurement)}")
    stdout().print(table_of(measurement))
    if unsteady := [row for row in measurement.rows if row.iqr_seconds > UNSTEADY * row.median_seconds]:
        where = ", ".join(f"{row.variant} at {row.batch:,}" for row in unsteady)
        remark = f"Spread above {UNSTEADY:.0%} of the median ({where}): the machine was busy; measure again."
        stderr().print(remark, soft_wrap=True)
    typer.echo(f"Written to {path}.")


def measured(view: store.RunView, device: str, threads: int = 0) -> tuple[Measurement, list[int]]:
    """The speed of a run's networks on a device, and the units that the compact one keeps.

    A finished run without weights, such as a recorded run of a large network, is measured with random weights.

    Raises:
        BadRequest: the run has a problem, or has neither weights nor finished.
    """

    def tell(share: float) -> None:
        status.update(f"Measuring {view.id}: {share:.0%}")

    config = view.sound().config
    with stderr().status(f"Measuring {view.id} on {device}") as status:
        if view.model_path is None and view.result:
            stderr().print("Its folder holds no weights; networks of its shapes get random ones.", soft_wrap=True)
            kept = [int(count) for count in view.result["kept"]]
            return speed_of_shapes(config.network.name, config.network.widths, kept, device, threads, tell), kept
        try:
            network = network_of(config, view.model_path)
        except LoadError as error:
            raise store.BadRequest(f"{view.id}: {error}") from None
        networks, network_is = latency.variants(network), described(network)
        kept = [int(mask.sum()) for mask in masks_of(network).values()]
        if not network_is.macs(kept):
            remark = "A layer keeps no unit: the compact network is a constant predictor."
            stderr().print(remark, soft_wrap=True)
        measurement = latency.measure(networks, device, threads, progress=tell, image=network_is.image)
    return measurement, kept


def _conditions(measurement: Measurement) -> str:
    threads = f"{measurement.threads} thread{'' if measurement.threads == 1 else 's'}"
    versions = ", ".join(f"{name} {version}" for name, version in measurement.versions.items())
    return f"{measurement.device}: {measurement.hardware}, {threads}, {versions}"


def table_of(measurement: Measurement) -> Table:
    """One line per batch size and variant; the speed-up is over the dense network at that batch size."""
    columns = ("batch", "variant", "median", "IQR", "n", "images/s", "speed-up")
    table = Table(*(Column(name, justify="left" if name == "variant" else "right") for name in columns), **PLAIN)
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
