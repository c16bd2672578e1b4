"""The frame around the pages, in a real Chromium: every page by its own link, its headers, its manners."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import own
from tests.browser.served import WIDTHS, Served, assert_fits_a_phone, assert_read_by_all

PATHS = {
    "/": "Story",
    "/gate": "One gate",
    "/train": "Train",
    "/channels": "Channels",
    "/pixels": "Pixels",
    "/random-labels": "Random labels",
    "/threshold": "Threshold and cost",
    "/methods": "Methods",
    "/your-network": "Your network",
    "/theory": "Theory",
    "/runs": "Runs",
}


@pytest.mark.parametrize(("path", "title"), PATHS.items())
def test_every_page_opens_by_its_link_with_all_of_the_navigation_and_is_read_by_all(
    open_page: Callable[..., Page], path: str, title: str
) -> None:
    page = open_page(path)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.locator('[data-testid="stTopNavLink"][aria-current="page"]')).to_contain_text(title)
    links = page.get_by_test_id("stTopNavLink")
    assert [link.inner_text().split("\n")[-1].strip() for link in links.all()] == list(PATHS.values())
    assert_read_by_all(page)


@pytest.mark.parametrize("path", [*PATHS, "/questions", "/talk"])
def test_no_page_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], path: str) -> None:
    assert_fits_a_phone(open_page(path, width=390, height=844))


def test_the_drawer_of_a_phone_closes_over_the_page_that_was_chosen(open_page: Callable[..., Page]) -> None:
    page = open_page("/theory", width=390, height=844)
    page.get_by_test_id("stExpandSidebarButton").click()
    drawer = page.get_by_test_id("stSidebar")
    expect(drawer).to_be_in_viewport()
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Runs").click()
    page.wait_for_url(re.compile("/runs"))
    expect(drawer).not_to_be_in_viewport()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_on_a_primary_button_can_be_read(open_page: Callable[..., Page], dark: bool) -> None:
    button = open_page("/random-labels", dark=dark).get_by_test_id("stBaseButton-primary").first
    button.wait_for()
    words, ground = button.evaluate("e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]")
    assert contrast(words, ground) >= 4.5


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminance as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return sum(weight * share for weight, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_requests_to_others_are_seen() -> None:
    """`open_page` fails the test of whichever page asks anybody but its own server."""
    at = Served("http://127.0.0.1:8501", Path(), Path(), Mock(), 0.0)
    asked = (
        "http://127.0.0.1:8501/gate",
        "blob:http://127.0.0.1:8501/1",
        "http://127.0.0.1:80/",
        "https://a.example/x",
    )
    assert [own(url, at) for url in asked] == [True, True, False, False]


def test_answers_carry_the_security_headers(served: Served) -> None:
    for path in ("/", "/gate", "/_stcore/health"):
        with urllib.request.urlopen(served.url + path) as answer:
            assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]


def test_the_server_listens_on_this_machine_only(served: Served) -> None:
    port = f"{urlsplit(served.url).port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    listening = {row[1].split(":")[0] for row in rows if row[1].endswith(":" + port) and row[3] == "0A"}
    assert listening == {"0100007F"}, "127.0.0.1, as the kernel writes it"


def test_an_embedded_page_with_a_table_does_not_scroll_sideways(open_page: Callable[..., Page]) -> None:
    page = open_page("/methods?embed=true", width=1000)
    page.locator("[data-testid=stDataFrameResizable]").first.wait_for()
    assert max(page.evaluate(WIDTHS)) == 1000


def test_an_embedded_page_shows_one_part_without_header_and_navigation(open_page: Callable[..., Page]) -> None:
    page = open_page("/?embed=true&show=story")
    expect(page.locator(".player canvas").first).to_be_visible()
    for hidden in ("stHeader", "stCaptionContainer", "stPageLink"):
        expect(page.get_by_test_id(hidden).first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_hidden()
    page = open_page("/gate?embed=true&show=nothing-of-this-name")
    expect(page.locator(".gate")).to_be_visible()
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    page = open_page("/?show=story")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
