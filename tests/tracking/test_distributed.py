"""Two processes under DistributedDataParallel are one run, which rank 0 writes."""

from __future__ import annotations

from pathlib import Path

from tests.machine.two_ranks import run_ranks
from tests.tracking.small import STEPS, read_back


def test_two_processes_are_one_run(runs_root: Path) -> None:
    run_ranks("tests.tracking.two_processes", str(runs_root))
    view = read_back(runs_root / "mine", steps=STEPS // 2)
    assert view.meta["hardware"].startswith("2 x ")
    assert [path.name for path in runs_root.iterdir()] == ["mine"]
