"""Links in a real browser: what they open, and what the browser's history keeps of a page that writes them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served import Served
from tests.made_up import write_run

PLAYER = ".player"
STEPS = 30


@pytest.fixture(scope="module")
def run_id(served: Served) -> str:
    """A finished run with more epochs than a test steps through."""
    return str(write_run(served.runs, epochs=STEPS + 10).id)


def test_steps_through_epochs_leave_one_entry_in_the_history(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page("/theory")
    page.get_by_test_id("stTopNavLink").filter(has_text="Channels").click()
    page.wait_for_url(re.compile(rf"/channels\?.*run={run_id}"))
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", str(STEPS + 10))
    before = page.evaluate("history.length")
    for step in range(1, STEPS + 1):
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(re.compile(rf"epoch={STEPS + 10 - step}\b"))
    assert page.evaluate("history.length") == before
    page.go_back()
    page.wait_for_url(re.compile("/theory"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Theory")


def test_the_epoch_goes_along_through_the_navigation(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/channels?run={run_id}&epoch=9")
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "9")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile(r"epoch=8\b"))
    page.get_by_test_id("stTopNavLink").filter(has_text="Pixels").click()
    expect(page.locator(".pixels")).to_have_attribute("data-epoch", "8", timeout=30_000)
    page.wait_for_url(re.compile(rf"/pixels\?.*run={run_id}.*epoch=8\b"))


def test_the_front_page_opens_by_its_own_name(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page("/story?epoch=7")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "7")
    assert page.url.endswith("/?epoch=7")


def test_a_copied_link_opens_in_the_theme_that_was_seen(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/channels?run={run_id}&epoch=7", dark=True)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    other = open_page(link.removeprefix(re.match(r"https?://[^/]+", link)[0]))  # type: ignore[index]
    ground = "e => getComputedStyle(e).backgroundColor"
    app = "[data-testid=stApp]"
    assert other.locator(app).evaluate(ground) == page.locator(app).evaluate(ground)
    expect(other.locator(PLAYER)).to_have_attribute("data-epoch", "7")
