"""Starts an app as a user would, and a headless Chromium that says when something was painted."""

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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60
LAUNCH = ["--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run"]
LAUNCH += ["--disable-background-networking", "--disable-component-update"]

# In every page: when text, elements or canvases within a selector last changed, in milliseconds of the page's clock.
WATCH = """
window.sbpLast = {};
window.sbpWatch = (name, selector) => { window.sbpSelectors = {...window.sbpSelectors, [name]: selector}; };
const sbpNote = (node) => {
  const now = performance.now();
  for (const [name, selector] of Object.entries(window.sbpSelectors || {})) {
    let at = node;
    while (at) {
      if (at.nodeType === 1 && at.matches(selector)) { window.sbpLast[name] = now; break; }
      at = at.parentNode || at.host;
    }
  }
};
const sbpObserver = new MutationObserver((all) => all.forEach((m) => sbpNote(m.target)));
const sbpAll = {subtree: true, childList: true, characterData: true, attributeFilter: ['d', 'x', 'y']};
const sbpObserve = (root) => sbpObserver.observe(root, sbpAll);
sbpObserve(document);
const sbpRoots = [document]; // components live in shadow roots, which a document's own search does not enter
window.sbpFind = (selector) => sbpRoots.flatMap((root) => [...root.querySelectorAll(selector)]);
const sbpSend = WebSocket.prototype.send;
WebSocket.prototype.send = function (...all) {
  window.sbpSent = window.sbpSent ?? performance.now();
  return sbpSend.apply(this, all);
};
const sbpAttach = Element.prototype.attachShadow;
Element.prototype.attachShadow = function (how) {
  const root = sbpAttach.call(this, how); sbpObserve(root); sbpRoots.push(root); return root;
};
for (const verb of ['clearRect', 'fillRect', 'drawImage', 'putImageData', 'stroke', 'fill']) {
  const own = CanvasRenderingContext2D.prototype[verb];
  CanvasRenderingContext2D.prototype[verb] = function (...all) { sbpNote(this.canvas); return own.apply(this, all); };
}
"""


class Missing(RuntimeError):
    """Playwright, Chromium or the app is not there; the message says how to get it."""


@dataclass(frozen=True)
class App:
    """A running Streamlit: its address, its folder of runs, the file that its terminal output goes to, its process, and
    the seconds it took to answer."""

    url: str
    runs: Path
    log: Path
    process: subprocess.Popen[bytes]
    seconds: float

    def text(self) -> str:
        """What it has said in its terminal."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def megabytes(self) -> float:
        """Resident memory of the server, MB (1e6 bytes); 0 where the system has no /proc."""
        with contextlib.suppress(OSError):
            for row in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if row.startswith("VmRSS"):
                    return int(row.split()[1]) * 1024 / 1e6
        return 0.0

    def cpu_seconds(self) -> float:
        """What the server has computed so far, in seconds of CPU; 0 where the system has no /proc."""
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0


@contextlib.contextmanager
def serve(script: Path, runs: Path, options: Sequence[str] = ()) -> Iterator[App]:
    """Runs `streamlit run SCRIPT` from the script's folder on a free port, with its runs in `runs`; ends it at last.

    options: more of them, as the command line has them.

    Raises RuntimeError with the server's last words when it does not answer within `START_SECONDS`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    runs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "streamlit", "run", script.name, "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none", *options]
    log = runs.parent / f"server-{port}.log"
    start = time.perf_counter()
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=script.parent,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "SBP_RUNS": str(runs)},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(url):
            if process.poll() is not None or time.perf_counter() - start > START_SECONDS:
                raise RuntimeError(f"The app did not start. It said:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield App(url, runs, log, process, time.perf_counter() - start)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, the system's or Playwright's own; raises `Missing` with what to install."""
    try:
        from playwright.sync_api import sync_playwright  # of the extra "dev"
    except ModuleNotFoundError:
        raise Missing(
            "Measuring the pages needs playwright: pip install playwright, then python -m playwright install chromium."
        ) from None
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Any) -> Any:
    """The system's Chromium, else Playwright's own, without a window; raises `Missing` with what to install."""
    names = ("chromium", "chromium-browser", "google-chrome")
    system = next((path for path in map(shutil.which, names) if path), None)
    if system is None and not Path(playwright.chromium.executable_path).exists():
        raise Missing(
            "No Chromium was found: install the system's (Debian: apt-get install chromium), or run "
            "python -m playwright install chromium."
        )
    # Chromium's sandbox refuses to run as root, which is what containers are.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=system, args=[*LAUNCH, *root])


@contextlib.contextmanager
def opened(browser: Any, url: str) -> Iterator[Any]:
    """A page of a context of its own, 1366 x 768, with the watch in it."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    page.goto(url)
    yield page
    context.close()


def settle(page: Any, patience: int = 60_000) -> None:
    """Waits until Streamlit's script has run and nothing on the page is stale; patience in milliseconds."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=patience)
    page.wait_for_function("!document.querySelector('[data-stale=\"true\"]')", timeout=patience)


def first_picture(page: Any, selector: str) -> float:
    """Milliseconds from the navigation until the first frame in which this selector is on the page."""
    found = page.evaluate(
        """(selector) => new Promise((done) => {
          const look = () => window.sbpFind(selector).length
            ? requestAnimationFrame(() => done(performance.now()))
            : performance.now() > 60000 ? done(null) : requestAnimationFrame(look);
          look();
        })""",
        selector,
    )
    if found is None:
        raise RuntimeError(f"No {selector} appeared on {page.url} within a minute.")
    return float(found)


def until_painted(page: Any, act: str, selector: str, quiet: int = 400) -> float:
    """Milliseconds from the first message to the server after `act` (JavaScript) to the last change within `selector`.

    Known once nothing has changed for `quiet`. A hand that has to come to rest first is not counted. Raises
    RuntimeError when nothing changes within ten seconds.
    """
    page.evaluate("(selector) => { window.sbpLast = {}; window.sbpWatch('x', selector); }", selector)
    found = page.evaluate(
        f"""() => new Promise((done) => {{
          const start = performance.now();
          window.sbpSent = undefined;
          ({act})();
          const look = () => {{
            const now = performance.now(), last = window.sbpLast.x;
            const busy = document.querySelector('[data-testid="stApp"]').dataset.testScriptState === 'running';
            const told = window.sbpSent && last > window.sbpSent;
            if (told && !busy && now - last > {quiet}) done(last - window.sbpSent);
            else if (now - start > 10000) done(null);
            else setTimeout(look, 20);
          }};
          setTimeout(look, 20);
        }})"""
    )
    if found is None:
        raise RuntimeError(f"Nothing changed within {selector} on {page.url} for ten seconds.")
    return float(found)
