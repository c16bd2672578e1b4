"""Pages Methods and Random labels in a real browser: a click is in the link, and two runs move on one clock."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.served import Served, assert_fits_a_phone, settle
from tests.browser.test_player import LISTEN
from tests.made_up import write_run

PLAYER = ".player"
ROW = 35  # the height of a table's row, in pixels


@pytest.fixture(scope="module")
def race(served: Served) -> None:
    """Two finished runs that raced, 12 and 8 epochs long."""
    write_run(served.runs, random_labels=True, preset="memorise", method="binary-dropout")
    write_run(served.runs, random_labels=True, preset="collapse", epochs=8)


def test_a_click_on_a_row_is_in_the_link_and_opens_again(open_page: Callable[..., Page]) -> None:
    page = open_page("/methods?network=lenet-5-caffe")
    table = page.get_by_test_id("stDataFrame").first
    table.evaluate("e => { e.style.scrollMarginTop = '120px'; e.scrollIntoView(); }")  # it is higher than the window
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 18, box["y"] + 2.5 * ROW)
    expect(page).to_have_url(re.compile(r"[?&]row="))
    line = page.locator(".st-key-methods-line")
    said = settle(page).locator(".st-key-methods-line p").first.inner_text()
    page.reload()
    settle(page)
    expect(line).to_contain_text(said)
    assert "network=lenet-5-caffe" in page.url


def test_a_tables_own_buttons_leave_ours_free(open_page: Callable[..., Page]) -> None:
    page = open_page("/methods?network=lenet-5-caffe")
    table = page.get_by_test_id("stDataFrame").first
    table.hover()
    theirs = page.get_by_test_id("stElementToolbar").filter(has=page.get_by_label("Search")).first.bounding_box()
    ours = page.locator(".st-key-methods-lenet-5-caffe-rows-CSV").bounding_box()
    assert theirs
    assert ours
    assert theirs["x"] + theirs["width"] <= ours["x"]


def test_the_files_of_a_figure_stay_in_one_line_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/methods?network=lenet-5-caffe", width=390, height=844)
    files = page.locator("[class*='st-key-title-']").first.get_by_role("button")
    expect(files).to_have_text(["SVG", "PNG", "CSV"])
    assert len({box["y"] for one in files.all() if (box := one.bounding_box())}) == 1


def test_another_network_is_one_click(open_page: Callable[..., Page]) -> None:
    page = open_page("/methods")
    page.get_by_role("button", name="LeNet-5-Caffe").or_(page.get_by_role("radio", name="LeNet-5-Caffe")).first.click()
    expect(page).to_have_url(re.compile("network=lenet-5-caffe"))
    expect(page.get_by_text("Test error against MACs: LeNet-5-Caffe")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()


@pytest.mark.usefixtures("race")
def test_twins_step_together_and_the_link_says_where(open_page: Callable[..., Page]) -> None:
    page = open_page("/random-labels?pair=race&epoch=3")
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-epoch", "3")
    assert page.locator(f"{PLAYER} canvas").count() == 4
    sentence = page.locator(f"{PLAYER} .sentence")
    expect(sentence).to_contain_text("Epoch 3: collapse")
    expect(sentence).to_contain_text("memorise")
    page.keyboard.press("ArrowRight")
    expect(player).to_have_attribute("data-epoch", "4")
    expect(page).to_have_url(re.compile("epoch=4"))
    page.keyboard.press("End")
    expect(sentence).to_contain_text("Epoch 12")


@pytest.mark.usefixtures("race")
def test_nothing_scrolls_sideways_on_a_phone(open_page: Callable[..., Page]) -> None:
    assert_fits_a_phone(open_page("/random-labels?pair=race", width=390, height=844))


@pytest.mark.usefixtures("race")
def test_every_name_of_a_line_can_be_read_on_a_phone(open_page: Callable[..., Page]) -> None:
    page = open_page("/random-labels?pair=race&epoch=3", width=390, height=844)
    page.locator(PLAYER).wait_for()
    page.evaluate(LISTEN)
    page.set_viewport_size({"width": 380, "height": 844})
    page.wait_for_function("window.written.some(({ words }) => words.endsWith('N·NLL'))")
    wide = page.locator(f"{PLAYER} canvas").first.evaluate("canvas => canvas.clientWidth")
    assert [one["words"] for one in page.evaluate("window.written") if one["right"] > wide] == []


def test_the_play_bar_stays_where_it_is(open_page: Callable[..., Page]) -> None:
    """However many lines a moment's sentence takes; the first is short, the last of this pair the longest."""
    page = open_page("/random-labels?pair=race&epoch=3", width=390, height=844)
    scrub = page.locator(f"{PLAYER} .scrub")
    heights = {
        scrub.evaluate(
            "(bar, share) => new Promise((done) => { bar.value = bar.max * share; bar.oninput();"
            " setTimeout(() => done(bar.closest('.player').offsetHeight), 150); })",
            share / 4,
        )
        for share in range(5)
    }
    assert len(heights) == 1
