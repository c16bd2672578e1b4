"""python -m sbp bench math: how fast moments, sampler and KL are."""

from __future__ import annotations

from typing import Annotated

from sbp.benchmarks import maths
from sbp.cli.bench import ROUNDS, THREADS, show
from sbp.cli.errors import user_errors
from sbp.cli.options import JSON
from sbp.cli.output import stderr


@user_errors
def bench_math(
    rounds: Annotated[int, ROUNDS] = 50,
    threads: Annotated[int, THREADS] = 0,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Measure moments, sampler and KL, each beside a lower bound of its cost."""
    with stderr().status("Measuring the mathematics") as status:
        found = maths.measure(threads, rounds, lambda share: status.update(f"Measuring the mathematics: {share:.0%}"))
    show(found, as_json)
