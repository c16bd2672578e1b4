"""Saved HTML files in a real Chromium, opened from disk with the network off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.gate import component
from pages.shared import film, player
from tests.browser.served import PATIENCE_MS
from tests.made_up import write_run
from tests.pages.opened import opened as opened_page
from tests.pages.test_gate import OPENING, given

HOSTILE = '</script><img src="x" onerror="document.title = 1">'


@pytest.fixture
def open_file(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a document from disk; a word in the console, or a request for anything else, fails the test."""
    contexts: list[Any] = []
    said: list[str] = []
    asked: list[str] = []

    def opened(content: bytes) -> Page:
        (tmp_path / "saved.html").write_bytes(content)
        contexts.append(browser.new_context(offline=True, color_scheme="light"))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "saved.html").as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.endswith("/saved.html") and not url.startswith("blob:")] == []


def test_a_saved_run_plays_scrubs_and_hears_keys(open_file: Callable[..., Page], tmp_path: Path) -> None:
    run = write_run(tmp_path, epochs=20)
    page = open_file(player.document(run, *film.train_layout(run)))
    shown = page.locator(".player")
    expect(shown).to_have_attribute("data-epoch", "20")
    page.get_by_role("button", name="Play").click()
    expect(shown).to_have_attribute("data-playing", "true")
    expect(shown).to_have_attribute("data-epoch", re.compile(r"^[1-9]$"))
    page.get_by_role("button", name="Pause").click()
    page.keyboard.press("Home")
    expect(shown).to_have_attribute("data-epoch", "0")
    page.keyboard.press("ArrowRight")
    expect(shown).to_have_attribute("data-epoch", "1")
    scrub = page.locator(".scrub")
    scrub.fill(str(float(scrub.get_attribute("max") or 0) / 2))
    expect(shown).to_have_attribute("data-epoch", re.compile(r"^([2-9]|1\d)$"))
    page.wait_for_timeout(500)  # the hand has come to rest
    epoch = str(shown.get_attribute("data-epoch"))
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(16, 23, 31)")
    page.wait_for_timeout(200)
    expect(shown).to_have_attribute("data-epoch", epoch)
    for fact in (run.id, "seed 0", "1,297 training examples", "2 cores"):
        expect(page.locator("header")).to_contain_text(fact)


def test_nothing_that_a_run_says_becomes_markup(open_file: Callable[..., Page], tmp_path: Path) -> None:
    run = write_run(tmp_path, epochs=3)
    run.meta["hardware"] = HOSTILE
    page = open_file(player.document(run, *film.train_layout(run)))
    expect(page.locator(".player")).to_have_attribute("data-epoch", "3")
    expect(page.locator("header")).to_contain_text(HOSTILE)
    assert page.locator("img").count() == 0


def test_a_saved_gate_follows_the_hand(open_file: Callable[..., Page]) -> None:
    page = open_file(component.document(OPENING, given(opened_page("gate"), "step")))
    page.wait_for_selector(".gate[data-settled]")
    before = page.locator(".sentence").inner_text()
    page.locator(".step .walk button").nth(1).click()
    assert "now" in (page.locator(".step li").nth(1).get_attribute("class") or "")
    slider = page.locator(".sliders input[type=range]").nth(1)
    slider.focus()
    slider.press("End")
    expect(page.locator(".sentence")).not_to_have_text(before)
    expect(page.locator(".step")).to_have_class("step stale")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("body")).to_have_css("background-color", "rgb(16, 23, 31)")
