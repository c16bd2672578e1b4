"""The walk of somebody who has read the README alone: every page passed answers one of the five questions."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.served import settle


def answer(place: Page | Locator, pattern: str) -> None:
    """The page says it where a reader can see it."""
    found = place.get_by_text(re.compile(pattern)).locator("visible=true").first
    found.scroll_into_view_if_needed()
    expect(found).to_be_in_viewport()


def turn_to(page: Page, name: str) -> None:
    page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    settle(page)


def test_five_questions_are_answered_on_the_way(open_page: Callable[..., Page]) -> None:
    page = open_page("/")
    answer(page, r"multiplied by noise of its own.*\(SNR, the mean of its noise over its standard deviation\).*below 1")
    page.get_by_test_id("stMainBlockContainer").get_by_role("link", name="One gate").click()

    # What is theta?
    expect(page.get_by_role("heading", level=1, name="One gate")).to_be_visible()
    answer(page, r"multiplied by theta, sampled afresh for every example")

    # Why is a unit with an SNR of 0.34 dead?
    page.get_by_role("button", name="Pruned", exact=True).click()
    answer(page, r"SNR is 0\.339: pruned")
    answer(page, r"noise \(sd 0\.151\) is larger than its mean \(0\.0514\).*knows nothing")
    answer(page, r"mean / sd = 0\.05136 / 0\.1513 = 0\.339")
    answer(page, r"knows nothing has 0\.333")

    # Why is the threshold 1?
    expect(page.get_by_role("heading", name="Why the threshold is 1")).to_be_visible()
    answer(page, r"has learned nothing is the prior, and the prior\s+has an SNR of its own")
    answer(page, r"interval of length 20 .* SNR 0\.333, below 1: it is pruned")

    # Why does it refuse random labels, and when does it not?
    turn_to(page, "Random labels")
    answer(page, r"a unit must pay for what it knows; memorised labels are not worth the KL")
    answer(page, r"at 10 times the weights’ learning rate the weights win, at 30 times the noise does")

    # What does a smaller network buy?
    turn_to(page, "Threshold and cost")
    if "run=lenet-500-300-paper" not in page.url:  # other tests have left runs on this server
        page = open_page("/threshold?run=lenet-500-300-paper")
    answer(page, r"253–138–63 of 784–500–300 units kept, 12\.3× fewer MACs, 1\.25 % held-out error")
    answer(page, r"compact is 2\.8× faster at batch 1")
    answer(page, r"Weights take 2\.18 MB → 177\.8 kB")
