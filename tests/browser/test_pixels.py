"""Page Pixels in a real browser: drawing, both answers at once, epochs, and a link that gives it all back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served import Served, assert_fits_a_phone
from tests.made_up import write_run
from tests.pages.test_pixels import with_weights

PIXELS = ".pixels"
SEVEN = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.62, 0.45), (0.5, 0.65), (0.42, 0.85)]


@pytest.fixture(scope="module")
def run_id(served: Served) -> str:
    """A finished run of full width, so that what is timed is a full-sized network."""
    return str(with_weights(served.runs, widths=(500, 300), seed=4).id)


@pytest.fixture(scope="module")
def features_id(served: Served) -> str:
    """A network with no noise on its pixels, of full width."""
    return str(with_weights(served.runs, network="lenet-5-caffe", widths=(20, 50, 500), seed=5).id)


def shown(open_page: Callable[..., Page], path: str, **screen: Any) -> Page:
    """The page once its figure has been drawn."""
    page = open_page(path, **screen)
    expect(page.locator(f"{PIXELS}[data-draws]")).to_be_visible(timeout=30_000)
    return page


def value(page: Page, name: str) -> str:
    return page.locator(PIXELS).get_attribute(f"data-{name}") or ""


def draw(page: Page, points: list[tuple[float, float]]) -> list[float]:
    """A stroke by mouse; the milliseconds that each redraw on the way took, networks and pictures together."""
    sheet = page.locator(f"{PIXELS} .digit canvas").first
    box = sheet.bounding_box()
    assert box
    times = []
    for k, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=1 if k == 0 else 4)
        if k == 0:
            page.mouse.down()
        page.wait_for_timeout(40)
        times.append(float(value(page, "ms")))
    page.mouse.up()
    return times


def test_arrow_keys_read_the_pixels(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}")
    canvas = page.locator(f"{PIXELS} .map canvas")
    epoch = value(page, "epoch")
    canvas.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        canvas.press(key)
    expect(page.locator(f"{PIXELS} .readout")).to_contain_text("row 2, column 1")
    mark = page.locator(f"{PIXELS} .map .cell-cursor").bounding_box()
    box = canvas.bounding_box()
    assert mark
    assert box
    assert abs(mark["x"] + mark["width"] / 2 - box["x"] - 1.5 * box["width"] / 28) < 2
    canvas.press("End")
    expect(page.locator(f"{PIXELS} .readout")).to_contain_text("row 2, column 27")
    assert value(page, "epoch") == epoch


def test_a_digit_is_drawn_and_both_networks_answer_while_it_is(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator(f"{PIXELS} .invite")).to_be_visible()
    empty = (value(page, "full"), value(page, "compact"))
    times = draw(page, SEVEN)
    assert sorted(times)[len(times) // 2] < 100
    drawn = (value(page, "full"), value(page, "compact"))
    assert drawn[0] != empty[0]
    assert drawn[1] != empty[1]
    for odds in drawn:
        assert sum(map(float, odds.split(","))) == pytest.approx(1, abs=1e-4)
    expect(page.locator(f"{PIXELS} .prediction")).to_contain_text("times fewer")
    assert page.locator(f"{PIXELS} .digit canvas").last.is_visible()  # the drawing as the network gets it

    page.wait_for_function("location.search.includes('drawn=')")
    link = page.url
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(f"{PIXELS} .invite")).to_be_visible()
    page.wait_for_function("new URLSearchParams(location.search).get('drawn') === ''")

    other = shown(open_page, link.partition(urlparse(link).netloc)[2])
    assert value(other, "kind") == "drawn"
    for mine, theirs in zip(drawn, (value(other, "full"), value(other, "compact")), strict=True):
        assert list(map(float, theirs.split(","))) == pytest.approx(list(map(float, mine.split(","))), abs=0.02)


def test_a_finger_draws_too(browser: Any, served: Served, features_id: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{served.url}/pixels?run={features_id}")
    page.wait_for_selector(f"{PIXELS}[data-draws]", timeout=30_000)
    page.get_by_role("button", name="Draw", exact=True).tap()
    sheet = page.locator(f"{PIXELS} .digit canvas").first
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    touch = context.new_cdp_session(page)
    before = value(page, "full")
    points = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in SEVEN]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    for point in points[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        page.wait_for_timeout(60)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    assert value(page, "full") != before
    assert float(value(page, "ms")) < 100
    context.close()


def test_test_images_are_walked_and_land_in_the_link(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}&digit=98")
    for expected in ("99", "100", "101"):  # the sheet of a hundred ends at 99: the next comes from Python
        page.get_by_role("button", name="Next image", exact=True).click()
        expect(page.locator(PIXELS)).to_have_attribute("data-digit", expected)
    expect(page.locator(f"{PIXELS} .digit figcaption")).to_contain_text("Test image #101 (a")
    page.wait_for_function("new URLSearchParams(location.search).get('digit') === '101'")
    number = page.locator(f"{PIXELS} .number")
    number.fill("999")
    number.press("Enter")
    expect(page.locator(f"{PIXELS} .hint")).to_contain_text("Expected a whole number from 0 to 359.")
    expect(number).to_have_value("101")
    page.get_by_role("button", name="Class mean").click()
    page.locator(f"{PIXELS} .means button", has_text="8").click()
    page.wait_for_function("new URLSearchParams(location.search).get('mean') === '8'")
    assert "digit" not in parse_qs(urlparse(page.url).query)
    expect(page.locator(f"{PIXELS} .digit figcaption")).to_have_text("Mean of class 8")


def test_the_epochs_change_the_map_and_not_the_answers(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}")
    assert value(page, "epoch") == "12"
    end, answers = int(value(page, "kept")), value(page, "full")
    scrub = page.locator(f"{PIXELS} .scrub")
    scrub.focus()
    page.keyboard.press("Home")
    expect(page.locator(PIXELS)).to_have_attribute("data-epoch", "0")
    assert int(value(page, "kept")) == 784 > end
    assert value(page, "full") == answers
    expect(page.locator(f"{PIXELS} .sentence")).to_contain_text("784 of 784 pixels are kept")
    page.wait_for_function("new URLSearchParams(location.search).get('epoch') === '0'")
    expect(page.locator(f"{PIXELS} .probabilities .weights")).to_have_text("at the last epoch, 12")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(PIXELS)).to_have_attribute("data-epoch", "12", timeout=20_000)
    expect(page.locator(f"{PIXELS} .probabilities .weights")).to_have_text("")
    said = page.locator(f"{PIXELS} .sentence")
    expect(said).to_contain_text(f"{end} of 784 pixels are kept")
    expect(said).to_contain_text("unlit in all 1,437 training images")


def test_it_has_the_keys_and_the_buttons_of_every_player(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}&epoch=7&speed=4")
    figure = page.locator(PIXELS)
    expect(page.get_by_role("button", name="Speed 4×")).to_be_visible()
    page.get_by_role("button", name="Next epoch").click()
    expect(figure).to_have_attribute("data-epoch", "8")
    for key, expected in (("ArrowLeft", 7), ("ArrowLeft", 6), ("Home", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        expect(figure).to_have_attribute("data-epoch", str(expected))
    page.wait_for_function("new URLSearchParams(location.search).get('epoch') === '1'")
    page.get_by_role("button", name="Speed 4×").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("new URLSearchParams(location.search).get('speed') === '0.25'")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(figure).to_have_attribute("data-playing", "true")
    page.keyboard.press("Space")
    expect(figure).to_have_attribute("data-playing", "false")


def test_a_network_without_pixel_noise_is_never_empty(
    open_page: Callable[..., Page], features_id: str, run_id: str
) -> None:
    page = shown(open_page, f"/pixels?run={features_id}&digit=3")
    expect(page.locator(f"{PIXELS} .map figcaption")).to_have_text("SNR of conv 2’s features")
    expect(page.locator(f"{PIXELS} .sentence")).to_contain_text("of 800 features are kept")
    expect(page.locator(f"{PIXELS} .prediction")).to_contain_text("2,293,000 MACs")
    expect(page.get_by_role("link", name="LeNet-500-300, with noise on pixels")).to_be_visible()


def test_without_weights_the_pictures_stand_and_the_rest_is_said(
    open_page: Callable[..., Page], served: Served
) -> None:
    page = shown(open_page, f"/pixels?run={write_run(served.runs, seed=6).id}")
    expect(page.locator(f"{PIXELS} .missing")).to_contain_text("without its weights")
    assert not page.locator(f"{PIXELS} table").is_visible()
    assert int(value(page, "kept")) > 0


def test_it_does_not_scroll_sideways_on_a_phone(open_page: Callable[..., Page], run_id: str) -> None:
    assert_fits_a_phone(shown(open_page, f"/pixels?run={run_id}", width=390, height=844))


def test_what_is_not_shown_is_not_lost(open_page: Callable[..., Page], run_id: str) -> None:
    page = shown(open_page, f"/pixels?run={run_id}&digit=42")
    page.get_by_role("button", name="Draw", exact=True).click()
    draw(page, SEVEN)
    drawn = value(page, "full")
    page.wait_for_function("location.search.includes('drawn=')")
    page.get_by_role("button", name="Test image", exact=True).click()
    page.wait_for_function("new URLSearchParams(location.search).get('digit') === '42'")
    assert value(page, "full") != drawn
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.locator(PIXELS)).to_have_attribute("data-full", drawn)


def test_the_gradients_come_when_they_are_asked_for(open_page: Callable[..., Page], served: Served) -> None:
    page = shown(open_page, f"/pixels?run={with_weights(served.runs, seed=8).id}")
    page.get_by_role("button", name="Compute on 200 test images").click()
    expect(page.get_by_text("Captum is running")).to_be_visible(timeout=30_000)
    expect(page.locator(".agree img")).to_have_count(4, timeout=120_000)
    expect(page.get_by_text("Spearman’s rank correlation with the SNR is")).to_be_visible()
    assert page.get_by_role("button", name="Compute on 200 test images").count() == 0
