"""Page Talk in a real Chromium: both decks from start to end, by the keys that a clicker sends."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from pages.talk import component, deck
from tests.browser.served import PATIENCE_MS, assert_read_by_all, serve

# Both sizes for the short deck; the long one is turned on a projector's in `make test-all`.
CASES = [
    *(pytest.param("one-gate", *size, id=f"one-gate-{size[0]}") for size in ((1920, 1080), (1366, 768))),
    pytest.param("paper", 1366, 768, id="paper-1366"),
    pytest.param("paper", 1920, 1080, id="paper-1920", marks=pytest.mark.slow),
]


def figure(page: Page) -> FrameLocator:
    return page.frame_locator("dialog iframe.shown")


# The size of every text that is to be seen in a frame, and the text, through the shadow roots of components.
_TYPE = """body => {
  const found = [];
  const walk = (root) => root.querySelectorAll("*").forEach((one) => {
    if (one.shadowRoot) walk(one.shadowRoot);
    const text = [...one.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
    const box = one.getBoundingClientRect();
    const seen = one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && box.width > 1;
    const size = parseFloat(getComputedStyle(one).fontSize);
    if (text && seen && box.bottom > 0 && box.top < innerHeight) found.push([size, text]);
  });
  walk(body);
  return found;
}"""


@pytest.mark.parametrize(("name", "width", "height"), CASES)
def test_a_deck_runs_from_start_to_end(open_page: Callable[..., Page], name: str, width: int, height: int) -> None:
    page = open_page(f"/talk?deck={name}", width=width, height=height)
    slides = deck.read(name).slides
    for number, slide in enumerate(slides, 1):
        expect(page.locator("dialog h1")).to_have_text(slide.title)
        expect(page.locator("dialog .place")).to_have_text(f"{number} / {len(slides)}")
        sizes = "[...document.querySelectorAll('*')].map(e => e.shadowRoot).find(r => r?.querySelector('dialog'))"
        words = f"[...{sizes}.querySelectorAll('h1, .words p, .place, .mark, summary')]"
        assert page.evaluate(f"Math.min(...{words}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 24
        if slide.question:
            expect(page.locator("dialog .cover")).to_contain_text(slide.question)
            page.keyboard.press("PageDown")
        expect(page.locator("dialog .cover")).to_be_hidden()
        for key in slide.show or ["nothing"]:
            part = figure(page).locator(f".st-key-{key}" if slide.show else "h3, canvas").first
            expect(part).to_be_visible(timeout=PATIENCE_MS)
        expect(figure(page).get_by_test_id("stHeader")).to_be_hidden()
        if height >= 1080:
            shown = figure(page).locator("body")
            box = shown.bounding_box()
            assert box is not None
            zoom = box["width"] / shown.evaluate("body => body.offsetWidth")
            assert 12 * zoom >= 24, "12 px is the smallest type that is drawn on a canvas"
            assert [(size, text) for size, text in shown.evaluate(_TYPE) if size * zoom < 23.9] == []
        page.keyboard.press("PageDown")
    expect(page.locator("dialog .place")).to_have_text(f"{len(slides)} / {len(slides)}")


def test_every_deck_is_tried() -> None:
    assert {case.values[0] for case in CASES} == set(deck.names())


def test_keys_of_a_talk(open_page: Callable[..., Page]) -> None:
    page = open_page("/talk?deck=paper&slide=6", width=1366, height=768)
    expect(page.locator("dialog .place")).to_have_text("6 / 11")
    expect(page.locator("dialog .mark")).to_contain_text("live")
    assert_read_by_all(page)
    page.keyboard.press("r")
    expect(figure(page).get_by_text("Recorded").first).to_be_visible(timeout=PATIENCE_MS)
    page.keyboard.press("n")
    expect(page.locator("dialog aside")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator("dialog .black")).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator("dialog .black")).to_be_hidden()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("dialog .place")).to_have_text("5 / 11")
    page.wait_for_url("**/talk?deck=paper&slide=5")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Start").first).to_be_visible()


def test_a_clicker_turns_the_slide_while_a_control_has_the_focus_and_arrows_stay_its_own(
    open_page: Callable[..., Page],
) -> None:
    page = open_page("/talk?deck=one-gate&slide=1", width=1366, height=768)
    sigma = figure(page).locator("input[type=range]").nth(1)
    sigma.focus()
    before = sigma.input_value()
    sigma.press("ArrowRight")
    expect(sigma).not_to_have_value(before)
    expect(page.locator("dialog .place")).to_have_text("1 / 4")
    sigma.press("PageDown")
    expect(page.locator("dialog .place")).to_have_text("2 / 4")


def test_the_command_that_a_slide_names_opens_the_app_to_the_room(browser: Browser, tmp_path: Path) -> None:
    options = shlex.split(component.COMMAND.replace("HOST", "127.0.0.2"))[3:]  # not among the hosts usually allowed
    with serve(tmp_path, options) as running:
        page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
        page.goto(running.url.replace("127.0.0.1", "127.0.0.2") + "/talk?deck=one-gate")
        code = page.locator("dialog .room svg")
        expect(code).to_be_visible(timeout=PATIENCE_MS)
        assert (code.get_attribute("aria-label") or "").startswith("Open this on a phone: http://127.0.0.2:")
        page.context.close()
