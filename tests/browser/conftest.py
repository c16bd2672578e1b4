"""Fixtures of the browser tests: one server, one Chromium, a fresh context a test.

A test takes `open_page` and calls `page = open_page("/gate?sigma=2", width=390, dark=True)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.served import PATIENCE_MS, Missing, Served, launch, serve, settle


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one the browser tests are skipped, and in CI that is a failure."""
    with sync_playwright() as playwright:
        try:
            chromium = launch(playwright)
        except Missing as error:
            if os.environ.get("CI"):
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app, running with an empty folder of runs of its own; SBP_DATA is the environment's."""
    with serve(tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def fresh_server(tmp_path: Any) -> Iterator[Served]:
    """A server that nobody has opened a page of yet."""
    with serve(tmp_path) as running:
        yield running


def _is_error(message: ConsoleMessage) -> bool:
    """Streamlit looks for its server below a deep link first (/gate/_stcore/health): that 404 is its answer."""
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


def own(url: str, at: Served) -> bool:
    """Whether a request stays with the page's server, or in the page: blob: and data: have no host."""
    return urlsplit(url).netloc in ("", urlsplit(at.url).netloc)


@pytest.fixture
def open_page(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a path of the app in a browser context of its own and waits until it is drawn.

    Whatever the page says to the browser's console as an error fails the test, and so does a request to anybody but its
    own server.
    """
    contexts: list[Any] = []
    errors: list[str] = []
    asked: set[str] = set()

    def opened(
        path: str = "/", *, width: int = 1366, height: int = 768, dark: bool = False, at: Served = served
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            has_touch=width < 600,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: errors.append(message.text) if _is_error(message) else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: None if own(request.url, at) else asked.add(request.url))
        page.goto(at.url + path)
        return settle(page)

    yield opened
    for context in contexts:
        context.close()
    assert not errors, f"The browser's console says: {errors}"
    assert not asked, f"The page asked others than its server: {asked}"
