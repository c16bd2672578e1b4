"""python -m sbp bench pages: how long a visitor of the app waits."""

from __future__ import annotations

from typing import Annotated

import typer

from sbp.benchmarks import pages
from sbp.benchmarks.browser import Missing
from sbp.cli.bench import ROUNDS, show
from sbp.cli.errors import user_errors
from sbp.cli.options import JSON
from sbp.cli.output import stderr
from sbp.runs import store


@user_errors
def bench_pages(
    rounds: Annotated[int, ROUNDS] = 20,
    sessions: Annotated[int, typer.Option(min=1, help="Open sessions watching a live run.")] = 20,
    as_json: Annotated[bool, JSON] = False,
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
