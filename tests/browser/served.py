"""The app as a user would start it, and a Chromium to look at it with: the benchmark's own, with a test's patience."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sbp.benchmarks import browser
from sbp.benchmarks.browser import App as Served
from sbp.benchmarks.browser import Missing, launch

__all__ = [
    "PATIENCE_MS",
    "WIDTHS",
    "Missing",
    "Served",
    "assert_fits_a_phone",
    "assert_read_by_all",
    "launch",
    "serve",
    "settle",
    "themes",
]

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


THEMED = """(dark) => {
  const ground = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor;
  return ground.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) < 200 === dark;
}"""
WIDTHS = "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"


def themes(page: Page) -> Iterator[str]:
    """The page in one theme after the other, once its ground has the theme's colour; it follows the system's."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(THEMED, arg=scheme == "dark")
        settle(page).wait_for_timeout(300)
        yield scheme


def assert_fits_a_phone(page: Page) -> None:
    """A page opened 390 pixels wide does not scroll sideways, in either theme."""
    for scheme in themes(page):
        assert max(page.evaluate(WIDTHS)) <= 390, (page.url, scheme)


def assert_read_by_all(page: Page) -> None:
    """axe-core finds nothing serious or critical on a page; in the dark theme only colours are looked at again."""
    for scheme in themes(page):
        options = {"resultTypes": ["violations"]} | ({"runOnly": ["color-contrast"]} if scheme == "dark" else {})
        found = Axe().run(page, options=options)
        barriers = [one["id"] for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        assert not barriers, f"{page.url}, {scheme}: {barriers}\n{found.generate_report()}"
