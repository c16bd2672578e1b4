"""Page Channels in a real browser: a unit clicked in the player, pruned by hand, kept over a reload."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from sbp.export.computed import read_network
from sbp.runs.graphs import graph_of
from sbp.runs.store import RunView
from sbp.spec.networks import description_of
from tests.browser.served import Served, assert_fits_a_phone, settle
from tests.made_up import write_run
from tests.made_up_weights import with_weights

PLAYER = ".player"
PANEL = ".st-key-hand-line"
# The kind of the player's picture that has the focus, within the component's shadow root.
FOCUSED = """() => {
  let focused = document.activeElement;
  while (focused?.shadowRoot) focused = focused.shadowRoot.activeElement;
  return focused?.closest('figure')?.className ?? '';
}"""


@pytest.fixture(scope="module")
def runs(served: Served) -> dict[str, str]:
    """A finished run with weights of each network; their ids."""
    return {
        name: with_weights(write_run(served.runs, epochs=20, network=name)).id
        for name in ("lenet-500-300", "lenet-5-caffe")
    }


def kept_unit(served: Served, run: str, layer: str) -> int:
    from sbp.runs import store

    view = store.open_run(run, Path(served.runs))
    net = read_network(view.folder / "model.safetensors", description_of(view.config.network), graph_of(view))
    return int(np.flatnonzero(net.own_masks[layer])[0])


def metric(page: Page, name: str) -> str:
    return page.locator(PANEL).get_by_test_id("stMetric").filter(has_text=name).inner_text()


def test_a_click_in_the_player_shows_that_unit_and_leaves_the_player(
    open_page: Callable[..., Page], runs: dict[str, str]
) -> None:
    page = open_page(f"/channels?run={runs['lenet-500-300']}&layer=dense1")
    expect(page.locator(PANEL)).to_be_visible()
    page.locator(f"{PLAYER} .back").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "19")
    page.locator(PLAYER).evaluate("player => (player.dataset.mine = 'yes')")
    canvas = page.locator(f"{PLAYER} figure.cells canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] / 2, "y": 20})
    page.wait_for_url(re.compile(r"unit=\d+"))
    unit = re.search(r"unit=(\d+)", page.url)
    assert unit
    expect(page.get_by_text(f"Density of neuron {unit[1]}")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(4)
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "19")
    expect(page.locator(PLAYER)).to_have_attribute("data-mine", "yes")  # the very same element


def test_keys_alone_reach_a_cell_and_mark_its_unit(open_page: Callable[..., Page], runs: dict[str, str]) -> None:
    page = open_page(f"/channels?run={runs['lenet-500-300']}&layer=dense1")
    page.locator(f"{PLAYER} .back").focus()
    for picture, words in (("cells", "neuron"), ("heatmap", "at epoch")):  # the heatmap stands first, the cells next
        page.keyboard.press("Shift+Tab")
        while page.evaluate(FOCUSED) != picture:
            page.keyboard.press("Shift+Tab")
        figure = page.locator(f"{PLAYER} figure.{picture}")
        expect(figure.locator(".cell-cursor")).to_be_visible()
        assert figure.locator("canvas").evaluate("canvas => getComputedStyle(canvas).outlineStyle") == "solid"
        first = figure.locator(".readout").inner_text()
        page.keyboard.press("ArrowRight")
        expect(figure.locator(".readout")).to_contain_text(words)
        expect(figure.locator(".readout")).not_to_have_text(first)
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "20")  # the clock has not moved
    page.keyboard.press("ArrowDown")
    unit = re.match(r"neuron (\d+) ", figure.locator(".readout").inner_text())
    assert unit
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"unit={unit[1]}\b"))


def test_a_group_is_chosen_in_the_strip_of_all_by_mouse_and_by_keys(open_page: Callable[..., Page]) -> None:
    page = open_page("/channels?run=resnet-20&layer=conv&unit=3")
    strip = page.locator(f"{PLAYER} figure.groups canvas")
    box = strip.bounding_box()
    assert box
    strip.click(position={"x": box["width"] * 4.5 / 12, "y": 20})
    page.wait_for_url(re.compile(r"layer=stages\.1\.0\.conv1"))
    assert "unit=" not in page.url
    expect(strip).to_have_attribute("aria-label", re.compile(r"^All 12 groups.*below: Stages 1\.0 conv 1;"))
    strip.press("ArrowLeft")
    expect(page.locator(f"{PLAYER} figure.groups .readout")).to_contain_text("Stages 0.2 conv 1: ")
    strip.press("Enter")
    page.wait_for_url(re.compile(r"layer=stages\.0\.2\.conv1"))
    expect(strip).to_have_attribute("aria-label", re.compile(r"below: Stages 0\.2 conv 1;"))
    expect(strip).to_be_focused()


@pytest.mark.parametrize(("name", "layer"), [("lenet-500-300", "dense1"), ("lenet-5-caffe", "conv1")])
def test_pruned_by_hand_within_a_second_or_so_and_kept_over_a_reload(
    open_page: Callable[..., Page], served: Served, runs: dict[str, str], name: str, layer: str
) -> None:
    unit = kept_unit(served, runs[name], layer)
    page = open_page(f"/channels?run={runs[name]}&layer={layer}&unit={unit}")
    before = metric(page, "MACs")
    page.locator(PLAYER).evaluate("player => (player.dataset.mine = 'yes')")
    start = time.monotonic()
    page.get_by_role("button", name="Prune this unit").click()
    expect(page.get_by_role("button", name="Keep this unit")).to_be_visible()
    seconds = time.monotonic() - start
    assert seconds < 10, seconds  # about half a second on an idle machine
    expect(page.locator(PLAYER)).to_have_attribute("data-mine", "yes")
    assert f"hand={layer}.{unit}-" in page.url
    after = metric(page, "MACs")
    assert after != before
    page.reload()
    settle(page)
    expect(page.get_by_role("button", name="Keep this unit")).to_be_visible()
    assert metric(page, "MACs") == after
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="Prune this unit")).to_be_visible()
    assert metric(page, "MACs") == before
    assert "hand=" not in page.url
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Keep this unit")).to_be_visible()


@pytest.mark.parametrize("layer", ["conv1", "conv2", "features", "dense1"])
def test_no_panel_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], runs: dict[str, str], layer: str) -> None:
    page = open_page(f"/channels?run={runs['lenet-5-caffe']}&layer={layer}&unit=3", width=390, height=844)
    expect(page.locator(PANEL)).to_be_visible()
    assert_fits_a_phone(page)


def test_the_numbers_of_a_weight_are_read_on_hover(open_page: Callable[..., Page], runs: dict[str, str]) -> None:
    page = open_page(f"/channels?run={runs['lenet-500-300']}&layer=dense1&unit=3")
    cells = page.locator('.tiles .cells[aria-label^="Weights of neuron 3"]')
    expect(cells.locator("i, b")).to_have_count(784)
    assert (cells.locator("i, b").first.get_attribute("title") or "").startswith("row 0, column 0")
    box = cells.bounding_box()
    assert box
    assert abs(box["width"] - box["height"]) < 2


def test_a_unit_of_a_run_in_progress_is_pruned_while_the_page_polls(
    open_page: Callable[..., Page], served: Served
) -> None:
    writer = write_run(served.runs, "running", epochs_done=5, hold=True)
    try:
        with_weights(RunView(writer.path))
        page = open_page(f"/channels?run={writer.id}&layer=dense1&unit=2")
        expect(page.locator(f"{PLAYER} .live")).to_be_visible()
        before = metric(page, "MACs")
        page.get_by_role("button", name="Prune this unit").click()
        expect(page.get_by_role("button", name="Keep this unit")).to_be_visible()
        page.wait_for_timeout(2500)  # a tick of the poll later it still is
        expect(page.get_by_role("button", name="Keep this unit")).to_be_visible()
        assert metric(page, "MACs") != before
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Prune this unit")).to_be_visible()
        shown = page.locator(PANEL).get_by_test_id("stMetric").filter(has_text="MACs")
        expect(shown).to_contain_text("no edits")  # it stands under the button, and is drawn after it
        assert metric(page, "MACs") == before
    finally:
        writer.close()
