"""The tour in a real Chromium: from Story by its links, through states of the app, and out of it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect


def test_the_tour_leads_from_the_story_through_states_of_the_app(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    page.get_by_role("link", name="Take the tour").click()
    card = page.locator(".st-key-tour")
    expect(card).to_contain_text("1 of 8")
    card.get_by_role("link", name="Next").click()
    page.wait_for_url(re.compile(r"/gate\?.*sigma=0\.5"))
    expect(card).to_contain_text("2 of 8")
    expect(page.locator(".gate").first).to_contain_text("3.78")  # as the card says
    page.get_by_test_id("stPopoverButton").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stPopoverBody")).to_contain_text("the mean of theta divided by")
    page.keyboard.press("Escape")
    card.get_by_role("button", name="Leave the tour").click()
    expect(card).to_be_hidden()
    assert "sigma=0.5" in page.url
    assert "tour" not in page.url
