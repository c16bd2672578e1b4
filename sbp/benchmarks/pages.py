"""`bench pages`: what a visitor waits for, in a headless Chromium on this machine, beside the barest Streamlit app."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sbp.benchmarks import traffic
from sbp.benchmarks.browser import ROOT, App, Missing, chromium, first_picture, opened, serve, settle, until_painted
from sbp.benchmarks.synthetic_runs import SyntheticRun, resnet_sized, vgg_sized
from sbp.benchmarks.timing import Line, Report, line, report
from sbp.spec import RunConfig

BARE = """
import altair as alt
import pandas as pd
import streamlit as st

n = st.radio("n", [1, 2, 3], key="n")
table = pd.DataFrame({"x": range(100), "y": [n * i for i in range(100)]})
st.altair_chart(alt.Chart(table).mark_line().encode(x="x", y="y"), key="chart")
"""
CHART = '[data-testid="stVegaLiteChart"]'
PICTURE = f"{CHART} svg"
PLAYER = ".player[data-epoch]"
COLD, DRAGS, WATCH_SECONDS = 3, 120, 8.0
RUN = "lenet-500-300-paper"  # a recorded run that ships with the app

MOVES = """(moves) => new Promise(async (done) => {
  const gate = window.sbpFind('.gate')[0], canvas = gate.querySelector('.log canvas');
  const box = canvas.getBoundingClientRect(), found = [];
  const point = (kind, x) => canvas.dispatchEvent(new PointerEvent(kind, {bubbles: true, composed: true, pointerId: 1,
    button: 0, buttons: 1, isPrimary: true, clientX: x, clientY: box.top + box.height / 2}));
  canvas.setPointerCapture = () => {};
  point('pointerdown', box.left + box.width / 2);
  for (let i = 0; i < moves; i++) {
    await new Promise(requestAnimationFrame);
    const before = gate.dataset.draws, start = performance.now();
    point('pointermove', box.left + box.width * (0.3 + 0.4 * Math.abs(((i / 20) % 2) - 1)));
    await new Promise((drawn) => {
      const look = () => (gate.dataset.draws !== before || performance.now() - start > 500) ? drawn() : requestAnimationFrame(look);
      requestAnimationFrame(look);
    });
    if (gate.dataset.draws !== before) found.push(performance.now() - start);
  }
  point('pointerup', box.left + box.width / 2);
  done(found);
})"""  # noqa: E501


def measure(rounds: int = 20, sessions: int = 20, tell: Callable[[str], None] = lambda what: None) -> Report:
    """Opens and uses the pages `rounds` times; raises `Missing` without playwright, a Chromium or the app."""
    if not (ROOT / "app.py").exists():
        raise Missing(f"Expected the app at {ROOT / 'app.py'}: run this in a checkout of the repository.")
    empty = report("pages", ("streamlit", "altair", "playwright"))
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        bench = _Bench(browser, Path(temporary), rounds, sessions, tell)
        return dataclasses.replace(empty, lines=tuple(bench.lines()), remarks=REMARKS)


REMARKS = (
    "Yardstick: a Streamlit app of one radio button and one chart of 100 points, same settings, browser and machine.",
    "A widget's time is from the message that asks the server to the chart's last change; a drag's, from the event to "
    "the frame that shows it.",
)


class _Bench:
    """Two servers and one browser."""

    def __init__(self, browser: Any, folder: Path, rounds: int, sessions: int, tell: Callable[[str], None]) -> None:
        self.browser, self.folder, self.rounds, self.sessions, self.tell = browser, folder, rounds, sessions, tell
        self.bare = folder / "bare" / "bare.py"
        (self.bare.parent / ".streamlit").mkdir(parents=True)
        self.bare.write_text(BARE)
        shutil.copy(ROOT / ".streamlit" / "config.toml", self.bare.parent / ".streamlit")

    def lines(self) -> list[Line]:
        """All figures; the yardstick's turn comes beside each of the app's."""
        cold = self._cold()
        with serve(ROOT / "app.py", self.folder / "a" / "runs") as app, serve(self.bare, self.folder / "b") as bare:
            large = SyntheticRun(self.folder / "a" / "runs", vgg_sized())
            large.go_on(large.config.schedule.epochs + 1)
            large.close()
            largest = SyntheticRun(app.runs, *resnet_sized())
            largest.go_on(largest.config.schedule.epochs + 1)
            largest.close()
            found = [
                cold,
                *self._warm(app, bare, large.folder.id, largest.folder.id),
                *self._widgets(app, bare),
                self._drag(app),
                *traffic.lines(self.browser, app, self.tell),
            ]
            return [*found, self._memory(app, bare)]

    def _cold(self) -> Line:
        """From the command to the first picture, both servers restarted each time."""
        times: dict[Path, list[float]] = {ROOT / "app.py": [], self.bare: []}
        for turn in range(COLD):
            self.tell(f"cold start {turn + 1} of {COLD}")
            for script, found in times.items():
                with serve(script, self.folder / f"cold-{turn}" / "runs") as app, opened(self.browser, app.url) as page:
                    found.append(1e3 * app.seconds + first_picture(page, PLAYER if script != self.bare else PICTURE))
        own, bare = times.values()
        return line("cold start to first picture, Story", "ms", own, "bare app", bare, (4000, None))

    def _warm(self, app: App, bare: App, large: str, largest: str) -> list[Line]:
        paths = {
            "first picture, Story": ("/", PLAYER, 1000),
            "first picture, One gate": ("/gate", ".gate[data-settled]", 1000),
            "first picture, Channels": (f"/channels?run={RUN}", PLAYER, 1000),
            "first picture, Threshold": (f"/threshold?run={RUN}", ".threshold[data-t]", 1000),
            "VGG-sized run, Channels": (f"/channels?run={large}", PLAYER, 1500),
            "VGG-sized run, Train": (f"/train?run={large}", PLAYER, 1500),
            "46,208 units, Channels": (f"/channels?run={largest}", PLAYER, 3000),
            "46,208 units, Train": (f"/train?run={largest}", PLAYER, 3000),
        }
        times: dict[str, list[float]] = {what: [] for what in paths}
        base: list[float] = []
        for turn in range(self.rounds + 1):
            self.tell(f"first pictures, {turn} of {self.rounds}")
            for what, (path, selector, _) in paths.items():
                with opened(self.browser, app.url + path) as page:
                    times[what].append(first_picture(page, selector))
            with opened(self.browser, bare.url) as page:
                base.append(first_picture(page, PICTURE))
        # The first of each fills the server's caches: warm is what follows.
        return [line(what, "ms", times[what][1:], "bare app", base[1:], (paths[what][2], None)) for what in paths]

    def _widgets(self, app: App, bare: App) -> list[Line]:
        def click(selector: str) -> str:
            return f"() => window.sbpFind('{selector}')"

        layers = click(".st-key-layer-choice button")
        widgets = {
            "layer to painted player": (
                f"/channels?run={RUN}",
                [f"{layers}[{i}].click()" for i in (2, 1)],
                ".player .sentence",
            ),
            "epoch to painted charts": (
                f"/channels?run={RUN}",
                [f"() => window.sbpFind('.player .{b}')[0].click()" for b in ("back", "next")],
                CHART,
            ),
            "threshold to painted costs": (
                f"/threshold?run={RUN}",
                [_key("Home"), _key("End")],
                '[data-testid="stCaptionContainer"]',
            ),
        }
        names, lines = list(widgets), []
        times: dict[str, list[float]] = {what: [] for what in names}
        base: list[float] = []
        with contextlib.ExitStack() as stack:
            pages = {what: stack.enter_context(opened(self.browser, app.url + widgets[what][0])) for what in names}
            other = stack.enter_context(opened(self.browser, bare.url))
            for page in (*pages.values(), other):
                settle(page)
                page.wait_for_timeout(1500)
            for turn in range(self.rounds + 2):
                self.tell(f"widgets, {turn} of {self.rounds + 1}")
                for what, (_, acts, selector) in widgets.items():
                    times[what].append(until_painted(pages[what], acts[turn % 2], selector))
                acts = [f"{click('.st-key-n input')}[{i}].click()" for i in (1, 0)]
                base.append(until_painted(other, acts[turn % 2], CHART))
        for what in names:
            lines.append(line(what, "ms", times[what][2:], "bare app", base[2:], (70, 110)))
        return lines

    def _drag(self, app: App) -> Line:
        self.tell("drags on the gate")
        with opened(self.browser, app.url + "/gate") as page:
            page.wait_for_selector(".gate[data-settled]")
            page.wait_for_timeout(500)
            frames = page.evaluate(
                """() => new Promise(async (done) => { const found = []; for (let i = 0; i < 120; i++) {
                const start = performance.now(); await new Promise(requestAnimationFrame);
                found.push(performance.now() - start); } done(found); })"""
            )
            moves = page.evaluate(MOVES, DRAGS)
        what = f"drag on the gate, move to paint ({len(moves)} of {DRAGS} moves drawn)"
        return line(what, "ms", moves, "an empty frame", frames, (16, None))

    def _memory(self, app: App, bare: App) -> Line:
        """Both servers with so many sessions; those of the app watch a run that grows by an epoch a second."""
        run = SyntheticRun(self.folder / "a" / "runs", RunConfig.flat(epochs=100))
        run.go_on(20)
        stop = threading.Event()
        writer = threading.Thread(target=lambda: _write(run, stop), daemon=True)
        writer.start()
        try:
            with contextlib.ExitStack() as stack:
                for number in range(self.sessions):
                    self.tell(f"session {number + 1} of {self.sessions}")
                    page = stack.enter_context(opened(self.browser, f"{app.url}/train?run={run.folder.id}"))
                    page.wait_for_selector(PLAYER)
                    # It goes on asking the server; that one machine paints all of them is not what is measured.
                    page.evaluate("document.documentElement.style.display = 'none'")
                    stack.enter_context(opened(self.browser, bare.url)).wait_for_selector(PICTURE)
                used = []
                for _ in range(int(WATCH_SECONDS)):
                    page.wait_for_timeout(1000)
                    used.append(app.megabytes())
                base = [bare.megabytes()]
        finally:
            stop.set()
            writer.join()
            run.close()
        what = f"server's memory, {self.sessions} sessions on a live run"
        return line(what, "MB", used, "bare app, as many sessions", base, (1000, None))


def _write(run: SyntheticRun, stop: threading.Event) -> None:
    while not stop.wait(1.0):
        run.go_on(1)


def _key(key: str) -> str:
    """A key pressed on the threshold's slider."""
    return (
        "() => window.sbpFind('.threshold input[type=range]')[0]"
        f".dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, composed: true}}))"
    )
