"""A worker that is killed at a chosen write, for test_kills.py: it is imported by the process that is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sbp.training.loop
from sbp.runs.filenames import STOP
from sbp.runs.folder import RunFolder
from sbp.worker import worker

# What a worker imports on its way.
IMPORTED = (
    *("tests.faults.killed", "sbp.evaluation.sweep", "sbp.networks.lenet_500_300", "sbp.noise.graph"),
    *("sbp.noise.special_groups", "sbp.training.loop", "sklearn.datasets", "torch._dynamo"),
)
# What changes a file or a folder.
CALLS = ("write", "replace", "unlink", "fsync", "ftruncate")


def train(folder: str, at: int, torn: bool, count: str) -> None:
    """Trains or resumes a run to its end.

    Args:
        folder: the run's.
        at: the number of the call among `CALLS` at which the process kills itself with -9; 0: never.
        torn: whether that call is carried out first, a write by half.
        count: a file that the number of calls is written to at the end.
    """
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    worker.CHECKPOINT_SECONDS = 0.0
    for made_for_pages in ("_graph", "_sweep"):  # in seconds, after all that is to be the same
        setattr(worker.Worker, made_for_pages, lambda self: None)
    os.fsync = lambda fd: None  # counted as a write below; a kill takes nothing that the kernel has
    sbp.training.loop.PROGRESS_EVERY = 0.0
    made = 0

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def killing(*arguments: Any, **named: Any) -> Any:
            nonlocal made
            made += 1
            if made == at:
                if torn and name == "write":
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                elif torn:
                    call(*arguments, **named)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return killing

    with RunFolder(Path(folder)) as run:
        run.remove(STOP)
        run.write_queued()
        for name in CALLS:
            setattr(os, name, counted(name, getattr(os, name)))
        worker.Worker(run).run()
    Path(count).write_text(str(made))
