"""python -m sbp bench bucket: what runs in the bucket of $SBP_RUNS cost."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from sbp.benchmarks import buckets
from sbp.cli.errors import BadInput, user_errors
from sbp.cli.options import AsJson
from sbp.cli.output import print_json, stderr
from sbp.runs.roots import runs_url
from sbp.runs.store import NEWEST


@user_errors
def bench_bucket(
    n: Annotated[int, typer.Option("--n", min=1, help="How many runs.")] = 10_000,
    epochs: Annotated[int, typer.Option(min=1, help="How many epochs are followed.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Measure what a list of many runs in the bucket of $SBP_RUNS takes, and what an epoch of one that trains.

    The runs are made up, lie in a place of their own beside the others, and are removed again.
    """
    if not (url := runs_url()):
        raise BadInput("SBP_RUNS: expected the URL of a bucket to measure, such as s3://bucket/runs.")
    with stderr().status("Measuring the bucket") as status:
        told = buckets.measure(url, n, epochs, lambda what: status.update(f"Measuring the bucket: {what}"))
    if as_json:
        print_json({**told, "n": n, "epochs": epochs, "cores": os.cpu_count()})
        return
    looks = {"first": "with nothing here", "unchanged": "nothing new", "changed": f"{buckets.CHANGED} changed"}
    for what, means in looks.items():
        seconds, cpu, requests = (told[f"{what}_{unit}"] for unit in ("seconds", "cpu_seconds", "requests"))
        took = f"{seconds:.2f} s, {cpu:.2f} s of CPU here, {requests:,.0f} requests"
        typer.echo(f"Newest {NEWEST} of {n:,} runs, {means}: {took}.")
    for who in ("writer", "reader"):
        requests, size = told[f"{who}_requests"], told[f"{who}_bytes"]
        typer.echo(f"An epoch, {who}: {requests:.1f} requests, {size:,.0f} bytes ({told['folder_bytes']:,.0f} new).")
