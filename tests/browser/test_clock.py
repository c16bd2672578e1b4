"""What the player tells Python of its clock, and what late answers do to it: its module in a real Chromium, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from pages.shared import film, player, standalone
from pages.shared.assets import bundle
from pages.shared.clock import Clock
from sbp.viz.film import pack
from sbp.viz.tables import tables
from tests.made_up import write_run

RESTED = 600  # ms, more than the hand's rest

# The module on an empty page. `show` is what Streamlit does; `told` is all that the component says.
MOUNT = """async ({ source, markup, data }) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const show = (await import(url)).default;
  document.body.innerHTML = markup;
  window.told = [];
  window.data = data;
  window.show = (change) => {
    show({
      parentElement: document.body,
      data: { ...data, ...change, film: { ...data.film, ...change.film } },
      setStateValue: (name, value) => window.told.push([name, value]),
      setTriggerValue() {},
    });
  };
}"""

Mounted = Callable[[float | None], Any]


@pytest.fixture
def mounted(browser: Browser, tmp_path: Path) -> Iterator[Mounted]:
    """The player of a live run of 5 epochs, opened at an epoch."""
    run = write_run(tmp_path, epochs=5)
    layout, panels = film.train_layout(run)
    page = browser.new_page()

    def opened(epoch: float | None) -> Any:
        packed = pack(tables(run), run.config, live=True)
        data = player._data(packed, layout, panels, Clock(run.id, epoch))
        source = bundle("shared/player/player.js")
        markup = f"<style>{standalone._theme()} {player._CSS}</style>{player._HTML}"
        page.evaluate(MOUNT, {"source": source, "markup": markup, "data": data})
        page.evaluate("show({})")
        return page

    yield opened
    page.close()


def test_an_answer_from_before_does_not_stop_a_view_that_follows(mounted: Mounted) -> None:
    page = mounted(2)
    page.get_by_role("button", name="Live").click()
    page.wait_for_timeout(RESTED)
    assert page.evaluate("told") == [["epoch", -1]]
    page.evaluate("show({})")  # drawn by Python before it heard
    page.wait_for_timeout(100)
    assert page.locator(".player").get_attribute("data-following") == "true"


def test_a_run_that_ends_while_it_is_followed_leaves_no_epoch_in_the_link(mounted: Mounted) -> None:
    page = mounted(2)
    page.get_by_role("button", name="Live").click()
    page.evaluate("show({ film: { live: false } })")  # before the hand has come to rest
    page.wait_for_timeout(RESTED)
    assert page.evaluate("told") == [["epoch", -1]]
    assert page.locator(".player").get_attribute("data-epoch") == "5"


def test_an_epoch_that_the_hand_stands_on_is_told_once(mounted: Mounted) -> None:
    page = mounted(None)
    page.get_by_role("button", name="Previous epoch").click()
    page.wait_for_timeout(RESTED)
    page.evaluate("show({ epoch: 4 })")
    page.wait_for_timeout(RESTED)
    assert page.evaluate("told") == [["epoch", 4]]
    assert page.locator(".player").get_attribute("data-epoch") == "4"
