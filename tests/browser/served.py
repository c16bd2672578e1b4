"""Starts the app as a user would, and finds a Chromium to look at it with."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
# Wide enough for two busy cores: what is waited for comes within a second on an idle machine.
PATIENCE_MS = 30_000

LAUNCH = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

HOW_TO_GET_CHROMIUM = (
    "No Chromium was found: install one with the system's package manager "
    "(Debian: apt-get install chromium), or run `python -m playwright install chromium`."
)


@dataclass(frozen=True)
class Served:
    """A running app: its address, its folder of runs, and the file that its terminal output goes to."""

    url: str
    runs: Path
    log: Path

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[Served]:
    """Runs `streamlit run app.py` on a free port with its runs in `folder`, and ends it afterwards.

    Raises RuntimeError with the server's output when it is not healthy within `START_SECONDS`.
    """
    port = free_port()
    served = Served(f"http://127.0.0.1:{port}", folder / "runs", folder / f"server-{port}.log")
    served.runs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none"]
    with served.log.open("wb") as log:
        environment = {**os.environ, "SBP_RUNS": str(served.runs)}
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            _wait_until_healthy(process, served)
            yield served
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], served: Served) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{served.url}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"The app did not start (exit code {process.poll()}). It said:\n{served.text()}")


def launch(playwright: Playwright) -> Browser:
    """The system's Chromium, else Playwright's own; raises FileNotFoundError saying how to get one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((path for path in map(shutil.which, names) if path), None)
    if system is None and not Path(playwright.chromium.executable_path).exists():
        raise FileNotFoundError(HOW_TO_GET_CHROMIUM)
    # Chromium's sandbox refuses to run as root, which is what containers are.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=system, args=[*LAUNCH, *root])


def settle(page: Page) -> Page:
    """Waits until Streamlit's script has run and nothing on the page is stale."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=PATIENCE_MS)
    page.wait_for_function("!document.querySelector('[data-stale=\"true\"]')", timeout=PATIENCE_MS)
    return page
