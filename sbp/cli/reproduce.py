"""python -m sbp reproduce: runs what an experiment of the paper lacks, and prints its table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column
from rich.table import Table as Printed

from sbp.cli import questions
from sbp.cli.bench import resolve
from sbp.cli.errors import INTERRUPTED, WENT_WRONG, BadInput, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import PLAIN, stderr, stdout
from sbp.cli.wait import gather
from sbp.experiments import archive, figures, goals, report, results, running, table_rows
from sbp.experiments.planned import Plan
from sbp.experiments.plans import PLANS, plan_of
from sbp.experiments.questions import NAME as QUESTIONS
from sbp.experiments.results import Table
from sbp.experiments.running import Job
from sbp.machine import devices
from sbp.runs import store
from sbp.runs.files import replace_bytes
from sbp.runs.names import BadRequest, checked_name
from sbp.runs.speed import write_speed
from sbp.spec import DEVICES

_EXPERIMENT = typer.Argument(help=f"One of {', '.join((*PLANS, QUESTIONS))}.")
_SEEDS = typer.Option(min=1, help="How many seeds per row. [default: the experiment's own]", show_default=False)
_FIRST = typer.Option("--first-seed", min=0, help="The first seed; the others follow it.")
_DEVICE = typer.Option(help=f"Where missing runs are trained: one of {', '.join(DEVICES)}.")
_ONLY = typer.Option("--only", metavar="KEY", help="Only rows with this key; may be repeated.", show_default=False)
_NETWORK = typer.Option(help="Only rows of this network.", show_default=False)
_RECORDINGS = typer.Option("--from-recordings", help="Print the recorded results that ship with the code; run nothing.")
_OUT = typer.Option(help="Write the table into this folder, as CSV, Markdown and JSON.", show_default=False)
_PACK = typer.Option(min=1, help="How many runs share one GPU.")
_DRY = typer.Option("--dry-run", help="List the runs that exist and those that would be run; run nothing.")
_NO_RUN = typer.Option("--no-run", help="Make the table from the runs that exist; run nothing.")
_SPEED = typer.Option("--speed/--no-speed", help="Measure the compact networks' speed unless already measured.")
_TIME = typer.Option(
    "--time",
    metavar="DEVICE",
    help="With --from-recordings: measure the missing speeds of networks of these shapes on cpu or cuda. --record "
    "keeps them.",
    show_default=False,
)
_RECORD = typer.Option(
    "--record",
    help="Save the table and the runs of seed 0 as recorded results that ship with the code; seeds after the "
    "recorded ones are added.",
)
_CHECK = typer.Option(
    "--check",
    help="With --record: save these seeds apart, to check the table's intervals.",
)
_RUNS = typer.Option(
    help="With questions and --record: a folder with runs of many seeds and masks.npz, their kept units by epoch.",
    show_default=False,
)


@user_errors
def reproduce(
    experiment: Annotated[str, _EXPERIMENT],
    seeds: Annotated[int | None, _SEEDS] = None,
    first_seed: Annotated[int, _FIRST] = 0,
    device: Annotated[str, _DEVICE] = "auto",
    only: Annotated[list[str] | None, _ONLY] = None,
    network: Annotated[str, _NETWORK] = "",
    from_recordings: Annotated[bool, _RECORDINGS] = False,
    out: Annotated[Path | None, _OUT] = None,
    pack: Annotated[int, _PACK] = 8,
    dry_run: Annotated[bool, _DRY] = False,
    no_run: Annotated[bool, _NO_RUN] = False,
    speed: Annotated[bool, _SPEED] = True,
    time: Annotated[str, _TIME] = "",
    record: Annotated[bool, _RECORD] = False,
    check: Annotated[bool, _CHECK] = False,
    runs: Annotated[Path | None, _RUNS] = None,
    as_json: AsJson = False,
) -> None:
    """Run what an experiment lacks, resume what was interrupted, and print its table beside the paper's.

    A run counts if its config is the planned one, wherever it was trained. Ctrl-C stops the runs after they have saved
    checkpoints; the same command continues from them.
    """
    if experiment == QUESTIONS:
        questions.reproduce(only or [], from_recordings, dry_run, record, runs, out, as_json)
        return
    plan = plan_of(experiment)
    rows = plan.only(only or (), network)
    if device not in DEVICES:
        raise BadInput(f"--device: expected one of {', '.join(DEVICES)}, got {device!r}.")
    if time and not from_recordings:
        raise BadInput("--time: expected --from-recordings beside it; --speed measures the runs made here.")
    if from_recordings:
        whole = results.recorded(experiment)
        table = _chosen(whole, {(row.network, row.key) for row in rows})
        if time:
            table = _timed(table, time, plan if record else None)
        _show(table, out, as_json, results.check_recorded(experiment), [] if only else goals.lines(whole, network))
        return
    if check and not record:
        raise BadInput("--check: expected --record beside it; it changes how the seeds are saved.")
    jobs = running.jobs_of(rows, seeds or plan.seeds, first=first_seed)
    if dry_run:
        for job in jobs:
            typer.echo(f"{job.title}: {_state_of(job)}")
        return
    jobs, interrupted = (jobs, False) if no_run else _run(jobs, device, pack)
    if speed and report.shows_speed(experiment) and not interrupted:
        _measure(jobs)
    table = running.table_of(experiment, running.refresh(jobs, {}))
    _show(table, out, as_json)
    if interrupted:
        stderr().print("The same command continues from the checkpoints.")
        raise typer.Exit(INTERRUPTED)
    missing = [] if no_run else [job for job in jobs if not job.finished]
    for job in missing:
        stderr().print(f"Not finished: {job.title}, {_state_of(job)}", soft_wrap=True)
    if record:
        for path in [archive.record_check(plan, table)] if check else archive.record_experiment(plan, table):
            stderr().print(f"Recorded {path}.", soft_wrap=True)
    if missing:
        raise typer.Exit(WENT_WRONG)


def _run(jobs: list[Job], device: str, pack: int) -> tuple[list[Job], bool]:
    """Starts the missing runs, and waits for them and for those already running."""
    ids: dict[str, str] = {}
    if any(job.wanted is not None for job in jobs):
        try:
            device = devices.resolve(device)
        except devices.DeviceError as error:
            raise BadInput(f"--device: {error}") from None
        ids = running.start_missing(jobs, device, pack, _gpus() if device == "cuda" else 0)
        stderr().print(f"Started {len(ids)} of {len(jobs)} runs on {devices.describe(device)}.", markup=False)
    return gather(jobs, ids)


def _gpus() -> int:
    import torch  # recorded tables are printed without it

    return torch.cuda.device_count()


def _measure(jobs: list[Job]) -> None:
    """Measures the run shown in each row, once, on the CPU and on a GPU if there is one."""
    from sbp.cli.bench_compact import measured  # imports torch, which recorded tables are printed without

    table = running.table_of("", jobs)
    views = [store.open_run(run.run) for row in table.rows if (run := row.shown)]
    where = ["cpu"] if not views or devices.why_missing("cuda") or devices.why_broken("cuda") else ["cpu", "cuda"]
    for view in views:
        for device in where:
            known = (view.speed() or {}).get("measurements", [])
            if any(one["device"] == device for one in known):
                continue
            try:
                measurement, _ = measured(view, device)
            except (BadRequest, ValueError) as error:
                stderr().print(f"{view.id} was not measured: {error}", soft_wrap=True)
                break
            write_speed(view, measurement.to_dict())


def _timed(table: Table, device: str, plan: Plan | None) -> Table:
    """The recorded table with the speeds measured here, saved after each row if there is a `plan`."""
    from sbp.benchmarks.table_latency import timed  # imports torch

    device = resolve(device)

    def keep(table: Table) -> None:
        if plan is not None:
            archive.keep_table(plan, table)

    with stderr().status("Measuring") as status:
        return timed(table, device, lambda what: status.update(f"Measuring {what} on {device}"), keep)


def _state_of(job: Job) -> str:
    if job.view is None:
        return "to be run"
    then = ", to be resumed" if job.view.resumable else ""
    return f"{job.view.state}{then} ({job.view.id}). {job.view.message}"


def _chosen(table: Table, wanted: set[tuple[str, str]]) -> Table:
    """The selected rows of the recorded table."""
    return Table(table.experiment, tuple(row for row in table.rows if (row.network, row.key) in wanted))


def _show(
    table: Table, out: Path | None, as_json: bool, further: Table | None = None, aims: Sequence[table_rows.Line] = ()
) -> None:
    """Prints the table, and writes it and its figures into a folder if given.

    further: runs that check it. aims: the goals set for it, each with the best reached.
    """
    if as_json:
        typer.echo(table.to_json())
    else:
        columns = report.columns_of(table.experiment)
        for title, lines in table_rows.sections_of(table).items():
            typer.echo(title)
            stdout().print(_printed(lines, columns))
        if aims:
            typer.echo("Goals, by the means over seeds")
            stdout().print(_printed(aims, goals.COLUMNS))
        for note in report.notes(table, further):
            typer.echo(note)
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    files, remarks = figures.files_of(table)
    name = checked_name(table.experiment, "the experiment's name")
    files |= {
        f"{name}.csv": table_rows.csv_of(table_rows.lines_of(table)).encode(),
        f"{name}.md": (report.markdown(table, further) + goals.section(aims)).encode(),
        f"{name}.json": table.to_json().encode(),
    }
    for file, content in files.items():
        replace_bytes(out / file, content)
    for remark in remarks:
        stderr().print(remark, soft_wrap=True)
    stderr().print(f"Written to {out}: {', '.join(sorted(files))}.", soft_wrap=True)


def _printed(lines: Sequence[table_rows.Line], columns: Sequence[report.Column]) -> Printed:
    """One section, for a terminal."""
    printed = Printed(*(Column(column.title, overflow="fold") for column in columns), **PLAIN)
    for line in lines:
        style = "dim" if line["source"] == "paper" else ""
        printed.add_row(*(column.text(line) for column in columns), style=style)
    return printed
