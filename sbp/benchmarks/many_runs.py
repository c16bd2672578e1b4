"""`bench runs`: what a long list of runs costs the shell and page Runs, in seconds of CPU, beside a list of none."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sbp.benchmarks.browser import ROOT, App, chromium, opened, serve, settle
from sbp.benchmarks.synthetic_runs import SyntheticRun
from sbp.benchmarks.timing import Report, line, report
from sbp.spec import RunConfig

EPOCHS, REFRESHES = 5, 3
REACH = {"python -m sbp runs": (2.0, None), "page Runs, first visit": (3.0, None)}  # seconds, for 10,000 runs
REMARKS = (
    "Seconds of CPU: of the command with the start of Python; of the app's server from a visit to its last change. "
    "The first visit is to a server that nobody has visited. Yardstick: the same with no runs of one's own.",
)


def measure(n: int, rounds: int, tell: Callable[[str], None] = lambda what: None) -> Report:
    """Makes n runs in a folder of its own, 90 kB each, and lists them; raises `Missing` as `pages.measure` does."""
    empty = report("runs", ("streamlit",))
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        folders = [Path(temporary) / which / "runs" for which in ("many", "none")]
        tell(f"makes {n:,} runs")
        _make(folders[0], n)
        found: dict[str, tuple[list[float], list[float]]] = {}
        for turn in range(rounds):
            tell(f"round {turn + 1} of {rounds}")
            for which, root in enumerate(folders):
                for what, seconds in _seconds(browser, root):
                    found.setdefault(what, ([], []))[which].append(seconds)
    lines = [
        line(what, "s", many, "no runs", none, REACH.get(what, (None, None))) for what, (many, none) in found.items()
    ]
    return dataclasses.replace(empty, lines=tuple(lines), remarks=(f"{n:,} runs.", *REMARKS))


def _make(root: Path, n: int) -> None:
    """Copies of one made-up run, a second apart."""
    run = SyntheticRun(root, RunConfig.flat(dataset="digits", epochs=EPOCHS))
    run.go_on(EPOCHS + 1)
    run.close()
    for number in range(1, n):
        moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(1.7e9 + number))
        shutil.copytree(run.folder.path, root / f"{moment}-lenet-500-300-custom-s{number}")


def _seconds(browser: Any, root: Path) -> list[tuple[str, float]]:
    """Of the command, of a first visit, and of the median of those after it."""
    before = os.times()
    command = [sys.executable, "-m", "sbp", "runs"]
    subprocess.run(command, env={**os.environ, "SBP_RUNS": str(root)}, cwd=ROOT, capture_output=True, check=True)
    after = os.times()
    told = after.children_user + after.children_system - before.children_user - before.children_system
    with serve(ROOT / "app.py", root) as app:
        visits = [_visit(browser, app) for _ in range(1 + REFRESHES)]
    later = sorted(visits[1:])[REFRESHES // 2]
    return [("python -m sbp runs", told), ("page Runs, first visit", visits[0]), ("page Runs, a later visit", later)]


def _visit(browser: Any, app: App) -> float:
    before = app.cpu_seconds()
    with opened(browser, f"{app.url}/runs") as page:
        page.wait_for_selector(".st-key-runs-list")
        settle(page)
    return app.cpu_seconds() - before
