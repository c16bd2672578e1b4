"""The hand on the threshold in a real browser: every number follows while it moves, and Python hears where it rests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pages.shared.assets import read
from tests.browser.served import Served, assert_fits_a_phone, settle
from tests.made_up import write_run
from tests.viz.sweeps import swept

BOARD = ".threshold"


@pytest.fixture(scope="module")
def run_id(served: Served) -> str:
    """A finished, swept run that the served app can show."""
    return str(swept(write_run(served.runs, dataset="mnist")).id)


def threshold(page: Page) -> float:
    return float(page.locator(BOARD).get_attribute("data-t") or -1)


def headline(page: Page) -> str:
    return page.locator(f"{BOARD} .headline").inner_text()


def test_every_number_follows_a_drag_and_the_link_says_where_it_ended(
    open_page: Callable[..., Page], run_id: str
) -> None:
    page = open_page(f"/threshold?run={run_id}")
    expect(page.locator(BOARD)).to_have_attribute("data-t", "1")
    plot = page.locator(f"{BOARD} .plot")
    box = plot.bounding_box()
    assert box
    assert box["y"] + box["height"] < 768, "the figure is above the fold"
    y = box["y"] + box["height"] / 2
    reruns = "document.querySelector('[data-testid=stApp]').dataset.testScriptState"
    seen = []
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.mouse.down()
    for share in (0.4, 0.5, 0.6, 0.65):
        page.mouse.move(box["x"] + share * box["width"], y)
        page.wait_for_timeout(60)
        macs = page.locator(f"{BOARD} .total").first.inner_text()
        seen.append((threshold(page), headline(page), macs))
        assert page.evaluate(reruns) == "notRunning"
        assert "t=" not in page.url
    assert plot.bounding_box() == box, "the figure stays where it is"
    page.mouse.up()
    assert [t for t, _, _ in seen] == sorted({t for t, _, _ in seen})
    assert len({said for _, said, _ in seen}) == 4
    assert len({macs for _, _, macs in seen}) >= 2
    page.wait_for_url("**t=*")
    settle(page)
    assert threshold(page) == seen[-1][0]
    expect(page.locator(".st-key-threshold-files")).to_be_visible()
    expect(page.get_by_text(f"Dense → compact at SNR ≥ {seen[-1][0]:.3g}")).to_be_visible()


def test_on_a_slide_the_name_of_the_priors_rule_ends_before_the_hand_at_1(
    open_page: Callable[..., Page], run_id: str
) -> None:
    page = open_page(f"/threshold?run={run_id}&embed=true", width=1000, height=430)
    name = page.locator(f"{BOARD} text.rule").filter(has_text="the prior's").bounding_box()
    hand = page.locator(f"{BOARD} .plot .at").bounding_box()
    assert name
    assert hand
    assert name["x"] + name["width"] < hand["x"]


def test_arrow_keys_and_the_number_box_move_it(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/threshold?run={run_id}")
    hand = page.locator(f"{BOARD} .hand")
    hand.focus()
    page.keyboard.press("ArrowRight")
    up = threshold(page)
    assert 1 < up < 1.2
    page.keyboard.press("ArrowLeft")
    assert threshold(page) == 1
    page.keyboard.press("End")
    assert threshold(page) == 100
    assert "no MACs remain" in headline(page)
    box = page.locator(f"{BOARD} .box input")
    box.fill("5,2")
    box.press("Enter")
    assert threshold(page) == pytest.approx(5.2, rel=0.06)
    page.locator(f"{BOARD} .marks button").first.click()
    assert threshold(page) == 1
    expect(page.locator(f"{BOARD} .marks button").first).to_have_attribute("aria-pressed", "true")


def test_a_deep_link_gives_the_same_threshold_and_fits_a_phone(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/threshold?run={run_id}&t=6.2", width=390, height=844)
    expect(page.locator(f"{BOARD} .headline")).to_contain_text("At SNR ≥ 6.17:")
    assert_fits_a_phone(page)
    clipped = page.locator(f"{BOARD} .plot text").evaluate_all(
        "(texts) => texts.filter((t) => { const b = t.getBBox(), w = t.ownerSVGElement.clientWidth;"
        " return b.x < -1 || b.x + b.width > w + 1; }).map((t) => t.textContent)"
    )
    assert clipped == []


THRESHOLDS = """
async (source) => {
  const s = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const thresholds = [0.2, 0.5, 1, 2, 100];
  return {
    ends: [s.placeOf(0.2), s.placeOf(100), s.thresholdAt(-3), s.thresholdAt(7)],
    round: s.thresholdAt(s.placeOf(3.7)),
    nearest: [0.21, 0.69, 0.75, 1.4, 1.42, 14, 15].map((t) => s.nearest(thresholds, t)),
    typed: ["1", " 2.5 ", "2,5", "", "x", "-3", "0", "0.01", "1e9", "Infinity"].map(s.typed),
  };
}
"""


def test_the_stops(browser: Any) -> None:
    page = browser.new_page()
    said = page.evaluate(THRESHOLDS, read("threshold/js/thresholds.js"))
    page.close()
    assert said["ends"] == pytest.approx([0, 1, 0.2, 100])
    assert said["round"] == pytest.approx(3.7)
    # Halfway between two stops on a log axis is their geometric mean: 0.707, 1.414, 14.14.
    assert said["nearest"] == [0, 1, 2, 2, 3, 3, 4]
    assert said["typed"] == [1, 2.5, 2.5, None, None, None, None, 0.2, 100, None]
