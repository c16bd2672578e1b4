"""python -m sbp bench compact: how fast a run's dense, masked and compact networks are, or a large network's."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from sbp.benchmarks import zoo
from sbp.benchmarks.table_latency import speed_of_shapes, speed_of_weights
from sbp.cli.bench import Device, ImageSize, Threads, resolve
from sbp.cli.errors import BadInput, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import PLAIN, print_json, stderr, stdout
from sbp.compaction.load import LoadError
from sbp.evaluation.latency import Measurement, Row
from sbp.experiments import archive
from sbp.runs import store
from sbp.runs.speed import write_speed
from sbp.viz.labels import widths

# Of the median: on a quiet machine both spreads are a few per cent of it.
UNSTEADY = 0.25
# Turns of a large network's two forms: a pass at batch 256 takes many seconds on a CPU.
ROUNDS = 5


_RUN = typer.Argument(metavar="[RUN]", help="A run's id, a unique prefix of one, or latest; none with --network.")
_NETWORK = typer.Option(help=f"Instead of a run's: one of {', '.join(zoo.CONFIGS)}, with random weights and masks.")
_KEEP = typer.Option(help="The share of units that --network keeps in every group, above 0 and at most 1.")
_RECORD = typer.Option("--record", help="Save the figures of a recorded run with the code, in its tables too.")
_BATCH = typer.Option("--batch", min=1, help="Images of a pass of --network; may be repeated. None: 1, 32, 256.")


@user_errors
def bench_compact(
    run: Annotated[str, _RUN] = "",
    device: Device = "cpu",
    threads: Threads = 0,
    network: Annotated[str, _NETWORK] = "",
    keep: Annotated[float, _KEEP] = 0.5,
    batch: Annotated[list[int] | None, _BATCH] = None,
    image_size: ImageSize = zoo.IMAGE_SIZE,
    record: Annotated[bool, _RECORD] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a run's dense, masked and compact networks, and save the figures with the run.

    Times a forward pass in inference mode at batch 1, 32 and 1000, in float32, eager, in five fresh processes. Takes
    about half a minute on a CPU, minutes for VGG-like. With --network it measures a large network, dense and compact,
    in one process, and saves nothing.
    """
    if bool(run) == bool(network):
        raise BadInput("Expected either a RUN or --network, one of the two.")
    if network:
        _large(network, keep, image_size, tuple(batch or (1, 32, 256)), resolve(device), threads, as_json)
        return
    view = store.find_run(run).sound()
    measurement, kept = measured(view, resolve(device), threads)
    if record:
        paths = archive.record_speed(view, measurement.to_dict())
    else:
        paths = [write_speed(view, measurement.to_dict())]
    if as_json:
        facts = {"id": view.id, "network": view.config.network.name, "kept": kept}
        print_json({**facts, **measurement.to_dict()})
        return
    typer.echo(f"{view.id}: {view.config.network.name}, kept {widths(kept)}")
    typer.echo(f"  {_conditions(measurement)}")
    stdout().print(table_of(measurement))
    if unsteady := [row for row in measurement.rows if _spread(row) > UNSTEADY * row.median_seconds]:
        where = ", ".join(f"{row.variant} at {row.batch:,}" for row in unsteady)
        remark = f"Spread above {UNSTEADY:.0%} of the median ({where}): the machine was busy; measure again."
        stderr().print(remark, soft_wrap=True)
    typer.echo(f"Written to {', '.join(map(str, paths))}.")


def _large(
    network: str, keep: float, image_size: int, batches: tuple[int, ...], device: str, threads: int, as_json: bool
) -> None:
    if network not in zoo.CONFIGS:
        raise BadInput(f"--network: expected one of {', '.join(zoo.CONFIGS)}, got {network!r}.")
    if not 0 < keep <= 1:
        raise BadInput(f"--keep: expected a share above 0 and at most 1, got {keep!r}.")
    with stderr().status(f"Measuring {network} on {device}") as status:
        measurement, facts = zoo.speed(
            zoo.build(network),
            keep,
            (3, image_size, image_size),
            device=device,
            threads=threads,
            batches=batches,
            rounds=ROUNDS,
            progress=lambda share: status.update(f"Measuring {network}: {share:.0%}"),
        )
    if as_json:
        print_json({"network": network, "image_size": image_size, **facts, **measurement.to_dict()})
        return
    dense, small = facts["macs"]["dense"], facts["macs"]["compact"]
    typer.echo(f"{network}, {image_size} px, {keep:.0%} of every group's units kept, seed {facts['seed']}")
    typer.echo(f"  {_conditions(measurement)}")
    typer.echo(f"  MACs {dense:,} dense, {small:,} compact: {dense / small:.2f}x fewer")
    typer.echo(f"  masked and compact differ by {facts['apart']:.0e} of the largest output")
    stdout().print(table_of(measurement))


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
            measurement, kept = speed_of_weights(config, view.model_path, device, threads, tell)
        except LoadError as error:
            raise store.BadRequest(f"{view.id}: {error}") from None
    if not view.description.macs(kept):
        stderr().print("A layer keeps no unit: the compact network is a constant predictor.", soft_wrap=True)
    return measurement, kept


def _conditions(measurement: Measurement) -> str:
    threads = f"{measurement.threads} thread{'' if measurement.threads == 1 else 's'}"
    versions = ", ".join(f"{name} {version}" for name, version in measurement.versions.items())
    count = f", {measurement.processes} processes" if measurement.processes > 1 else ""
    return f"{measurement.device}: {measurement.hardware}, {threads}{count}, {versions}"


def _spread(row: Row) -> float:
    return max(row.iqr_seconds, row.between_seconds or 0)


def table_of(measurement: Measurement) -> Table:
    """One line per batch size and variant; the speed-up is over the dense network at that batch size.

    IQR is within a process, between the range of the processes' medians.
    """
    columns = ("batch", "variant", "median", "IQR", "between", "n", "images/s", "speed-up")
    table = Table(*(Column(name, justify="left" if name == "variant" else "right") for name in columns), **PLAIN)
    for row in measurement.rows:
        times = measurement.times_as_fast(row.variant, row.batch)
        table.add_row(
            f"{row.batch:,}",
            row.variant,
            milliseconds(row.median_seconds),
            milliseconds(row.iqr_seconds),
            "–" if row.between_seconds is None else milliseconds(row.between_seconds),
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
