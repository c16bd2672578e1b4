"""What a live page sends to a browser: bytes of its WebSocket for an epoch, beside those of opening it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbp.benchmarks.browser import App, opened, settle
from sbp.benchmarks.synthetic_runs import SyntheticRun
from sbp.benchmarks.timing import Line, line
from sbp.spec import RunConfig

EPOCHS = (30, 590)  # of LeNet-500-300, whose film has 2 kB an epoch
ROUNDS = 3
WRITTEN = 8  # epochs, one a second, which is how often page Train looks


def lines(browser: Any, app: App, tell: Callable[[str], None] = lambda what: None) -> list[Line]:
    """A line for each of `EPOCHS`: kB that page Train is sent for an epoch, in the mean of `WRITTEN` of them."""
    found = []
    for epochs in EPOCHS:
        run = SyntheticRun(app.runs, RunConfig.flat(epochs=2 * max(EPOCHS)))
        run.go_on(epochs + 1)
        turns = []
        for turn in range(ROUNDS):
            tell(f"what is sent at {epochs} epochs, {turn + 1} of {ROUNDS}")
            turns.append(_sent(browser, app, run))
        run.close()
        opening, each = zip(*turns, strict=True)
        found.append(line(f"sent for an epoch, live run of {epochs}", "kB", each, "opening its page", opening))
    return found


def _sent(browser: Any, app: App, run: SyntheticRun) -> tuple[float, float]:
    """kB that opening the page of a run takes, and an epoch of it."""
    heard: list[int] = []
    with opened(browser, "about:blank") as page:
        page.on("websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(len(data))))
        page.goto(f"{app.url}/train?run={run.folder.id}")
        page.wait_for_selector(".player[data-epoch]")
        settle(page)
        page.wait_for_timeout(2000)
        opening = sum(heard)
        for _ in range(WRITTEN):
            run.go_on(1)
            page.wait_for_timeout(1000)
    return opening / 1e3, (sum(heard) - opening) / WRITTEN / 1e3
