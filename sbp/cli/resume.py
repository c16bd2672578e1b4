"""python -m sbp resume: continues a stopped, failed or lost run and follows it."""

from __future__ import annotations

from typing import Annotated

from sbp.cli.distributed import train_here
from sbp.cli.errors import user_errors
from sbp.cli.follow import follow_to_exit, say_detached
from sbp.cli.options import DETACH, END_JSON, RUN
from sbp.cli.output import stderr
from sbp.machine.distributed import Ranks
from sbp.runs import launcher, store


@user_errors
def resume(
    run: Annotated[str, RUN],
    detach: Annotated[bool, DETACH] = False,
    as_json: Annotated[bool, END_JSON] = False,
) -> None:
    """Resume a stopped, failed or lost run from its last checkpoint, or from the start if it has none."""
    if (ranks := Ranks.of_environment()).world > 1:
        train_here(lambda: launcher.reopen(store.find_run(run).id), ranks, " resumed", detach, as_json)
        return
    run_id = launcher.resume(store.find_run(run).id)
    if detach:
        say_detached(run_id, as_json)
        return
    stderr().print(f"Run {run_id} resumed.", soft_wrap=True)
    follow_to_exit(run_id, as_json)
