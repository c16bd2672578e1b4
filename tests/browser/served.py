"""The app as a user would start it, and a Chromium to look at it with: the benchmark's own, with a test's patience."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page

from sbp.benchmarks import browser
from sbp.benchmarks.browser import App as Served
from sbp.benchmarks.browser import Missing, launch

__all__ = ["PATIENCE_MS", "Missing", "Served", "launch", "serve", "settle"]

# Wide enough for two busy cores: what is waited for comes within a second on an idle machine.
PATIENCE_MS = 30_000


@contextlib.contextmanager
def serve(folder: Path, options: Sequence[str] = ()) -> Iterator[Served]:
    """Runs the app on a free port with its runs in `folder`, and ends it afterwards."""
    with browser.serve(browser.ROOT / "app.py", folder / "runs", options) as running:
        yield running


def settle(page: Page) -> Page:
    """Waits until Streamlit's script has run and nothing on the page is stale."""
    browser.settle(page, PATIENCE_MS)
    return page
