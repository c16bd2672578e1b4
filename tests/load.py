"""Many sessions on one live run: `python -m tests.load --sessions 50 --minutes 10 --epochs 20`.

Starts the app on the loopback, lets a made-up run of so many epochs grow by one a second, and opens page Train on it
as often as asked, each session over a WebSocket of its own, as a browser does, but without painting: what is measured
is the server. Prints how long each session waits from one picture to the next, and for an answer to its question; what
went wrong; and the server's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from sbp.benchmarks.browser import ROOT, App, serve
from sbp.benchmarks.synthetic_runs import SyntheticRun
from sbp.spec import RunConfig

MOST_SESSIONS, MOST_MINUTES, MOST_EPOCHS = 200, 60.0, 5000
MOST_CACHED = 50
EPOCHS = 20
EPOCH_SECONDS, OPEN_SECONDS = 1.0, 0.1  # between two epochs of the run; between two sessions


@dataclass
class Session:
    """One visitor: when each of its pictures came, how long each answer took, and what went wrong; seconds.

    sent: bytes that had come with each picture. cached: the large messages that it has, of which the hash alone is sent
    again, and the part of the page that each belongs to; a browser forgets those of some looks ago.
    """

    run_id: str
    socket: Any = None
    pictures: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    asked: dict[str, float] = field(default_factory=dict)
    timers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    heard: int = 0
    sent: list[int] = field(default_factory=list)
    cached: dict[str, str] = field(default_factory=dict)

    async def watch(self, url: str, seconds: float) -> None:
        """Opens page Train and follows the run for so long."""
        try:
            address = url.replace("http", "ws") + "/_stcore/stream"
            async with connect(address, subprotocols=["streamlit"], origin=url, max_size=None) as self.socket:  # type: ignore[arg-type, list-item]
                await self.ask()
                async with asyncio.timeout(seconds):
                    async for content in self.socket:
                        self.heard += len(content)
                        self.hear(ForwardMsg.FromString(content))
                self.errors.append("The server closed the connection.")
        except TimeoutError:
            if not self.pictures:
                self.errors.append("No picture came.")
        except OSError as error:
            self.errors.append(f"{type(error).__name__}: {error}")
        finally:
            for timer in self.timers.values():
                timer.cancel()

    async def ask(self, fragment: str = "") -> None:
        """Asks for the page, or for a part of it, as the browser does."""
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name, state.fragment_id = f"run={self.run_id}", "train", fragment
        state.is_auto_rerun = bool(fragment)
        state.cached_message_hashes.extend(self.cached)
        self.asked.setdefault(fragment, time.monotonic())
        await self.socket.send(message.SerializeToString())

    def hear(self, message: ForwardMsg) -> None:
        """Takes what the server sends."""
        kind, now = message.WhichOneof("type"), time.monotonic()
        if kind == "new_session":
            self.running.clear()
        elif kind == "auto_rerun":
            part, every = message.auto_rerun.fragment_id, message.auto_rerun.interval
            if part in self.timers:
                self.timers[part].cancel()
            self.timers[part] = asyncio.create_task(self._again(part, every))
        elif kind == "ref_hash":
            self.cached[message.ref_hash] = self.cached.pop(message.ref_hash)
            self.running.add(self.cached[message.ref_hash])
        elif kind == "delta":
            self.running.add(message.delta.fragment_id)
            if message.metadata.cacheable:
                self.cached = dict([*self.cached.items(), (message.hash, message.delta.fragment_id)][-MOST_CACHED:])
            if message.delta.new_element.WhichOneof("type") == "exception":
                self.errors.append(message.delta.new_element.exception.message)
        elif kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.errors.append("The page could not be compiled.")
            for part in self.running & self.timers.keys() & self.asked.keys():
                self.answers.append(now - self.asked.pop(part))
                self.pictures.append(now)
                self.sent.append(self.heard)

    async def _again(self, fragment: str, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self.ask(fragment)


def measure(sessions: int, minutes: float, epochs: int = EPOCHS) -> list[Session]:
    """Serves the app, lets so many sessions watch for so long, and prints what they saw.

    Args:
        sessions: how many, at most `MOST_SESSIONS`.
        minutes: how long each watches, at most `MOST_MINUTES`.
        epochs: how many the run has when they come, at most `MOST_EPOCHS`.

    Returns:
        The sessions.
    """
    with tempfile.TemporaryDirectory() as temporary, serve(ROOT / "app.py", Path(temporary) / "runs") as app:
        run = SyntheticRun(app.runs, RunConfig.flat(epochs=int(60 * minutes) + epochs + 1000))
        run.go_on(epochs)
        stop = threading.Event()
        writer = threading.Thread(target=_grow, args=(run, stop), daemon=True)
        writer.start()
        try:
            seen = asyncio.run(_together(app, run.folder.id, sessions, 60 * minutes))
        finally:
            stop.set()
            writer.join()
            run.close()
        tracebacks = app.text().count("Traceback")
    said = [f"{sessions} sessions, {minutes:g} minutes, {len(seen)} of them to the end"]
    for what, values in (
        ("from one picture to the next", [np.diff(one.pictures) for one in seen if len(one.pictures) > 1]),
        ("from question to answer", [np.array(one.answers) for one in seen]),
    ):
        all_of_them = np.concatenate([*values, np.zeros(0)])
        if len(all_of_them):
            middle, late, worst = np.quantile(all_of_them, (0.5, 0.95, 1.0))
            said.append(
                f"{what}: median {middle:.2f} s, 95 % {late:.2f} s, longest {worst:.2f} s, n = {len(all_of_them):,}"
            )
    sent = np.concatenate([*(np.diff(one.sent) for one in seen), np.zeros(0)])
    if len(sent):
        said.append(f"sent for a picture: {sent.mean() / 1e3:.0f} kB on average, at most {sent.max() / 1e3:.0f} kB")
    errors = [error for one in seen for error in one.errors]
    said.append(f"errors: {len(errors)}; tracebacks in the server's log: {tracebacks}")
    print("\n".join([*said, *sorted(set(errors))[:5]]))
    return seen


async def _together(app: App, run_id: str, sessions: int, seconds: float) -> list[Session]:
    """All sessions, opened one after the other; prints the server's memory before, with all of them, and at the end."""
    memory = [app.megabytes()]
    seen = [Session(run_id) for _ in range(sessions)]
    tasks = []
    for one in seen:
        tasks.append(asyncio.create_task(one.watch(app.url, seconds)))
        await asyncio.sleep(OPEN_SECONDS)
    done = asyncio.gather(*tasks)
    while not done.done():
        await asyncio.wait([done], timeout=5.0)
        memory.append(app.megabytes())
    tenth = max(1, len(memory) // 10)
    start, end = statistics.median(memory[1 : 1 + 2 * tenth]), statistics.median(memory[-tenth:])
    await done
    told = f"{start:.0f} MB at the start, {end:.0f} MB at the end, at most {max(memory):.0f} MB"
    print(f"server: {memory[0]:.0f} MB before, {told}")
    return seen


def _grow(run: SyntheticRun, stop: threading.Event) -> None:
    while not stop.wait(EPOCH_SECONDS):
        run.go_on(1)


def main(words: Sequence[str] | None = None) -> int:
    """The command; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Many sessions on one live run.")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="those that the run has at the start")
    asked = parser.parse_args(words)
    if not (1 <= asked.sessions <= MOST_SESSIONS and 0 < asked.minutes <= MOST_MINUTES):
        parser.error(f"expected 1 to {MOST_SESSIONS} sessions and at most {MOST_MINUTES:g} minutes.")
    if not 1 <= asked.epochs <= MOST_EPOCHS:
        parser.error(f"expected 1 to {MOST_EPOCHS:,} epochs.")
    return int(any(one.errors for one in measure(asked.sessions, asked.minutes, asked.epochs)))


if __name__ == "__main__":
    sys.exit(main())
