"""python -m sbp resume: continues a stopped, failed or lost run and follows it."""

from __future__ import annotations

from sbp.cli.distributed import train_here
from sbp.cli.errors import user_errors
from sbp.cli.follow import follow_to_exit
from sbp.cli.options import Detach, EndJson, Run
from sbp.machine.distributed import Ranks
from sbp.runs import launcher, launchers, store


@user_errors
def resume(run: Run, detach: Detach = False, as_json: EndJson = False) -> None:
    """Resume a stopped, failed or lost run from its last checkpoint, or from the start if it has none."""
    if (ranks := Ranks.of_environment()).world > 1:
        train_here(lambda: launcher.reopen(store.find_run(run).id), ranks, " resumed", detach, as_json)
        return
    follow_to_exit(launchers.resume(store.find_run(run).id), " resumed", detach, as_json)
