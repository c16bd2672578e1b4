"""The Typer application: each verb lives in a file of its own and is named here."""

from __future__ import annotations

import typer

from sbp.cli.attribute import attribute
from sbp.cli.bench_more import bench  # with all its verbs
from sbp.cli.distributed import only_some_verbs
from sbp.cli.export import compact, export
from sbp.cli.reproduce import reproduce
from sbp.cli.resume import resume
from sbp.cli.runs import record, runs, show, stop
from sbp.cli.sweep import sweep
from sbp.cli.train import train

app = typer.Typer(
    help="Structured Bayesian pruning: train a network with noise on its units and see which of them are pruned.",
    callback=only_some_verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (train, runs, show, resume, stop, record, sweep, compact, export, attribute, reproduce):
    app.command()(verb)
app.add_typer(bench, name="bench")
