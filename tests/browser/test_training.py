"""A real run, started, watched, reloaded, stopped and resumed from the page; and links into what it left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from sbp.runs import launcher, store
from sbp.runs.filenames import LOCK
from sbp.runs.files import Lock
from sbp.runs.states import State
from tests.browser.served import Served, settle
from tests.made_up import write_run

PLAYER = ".player"
MINUTE = 60_000

# In the first frame with the button Resume, the width of the button Stop, 0 where it is absent or hidden.
WAITS_FOR_RESUME = """() => new Promise((done) => {
  const look = () => document.querySelector('.st-key-resume button')
    ? done(document.querySelector('.st-key-stop')?.offsetWidth || 0) : requestAnimationFrame(look);
  look();
})"""


@pytest.fixture
def stopped_afterwards(served: Served) -> Iterator[None]:
    """Asks every worker that a test leaves behind to stop."""
    yield
    for run in store.list_runs(recorded=False, root=served.runs):
        if run.state.active:
            launcher.stop(run.id, served.runs)


def picture(page: Page, name: str) -> str:
    return str(page.locator(f"{PLAYER} figure.{name} canvas").first.evaluate("e => e.toDataURL()"))


def later(epoch: int) -> re.Pattern[str]:
    """An epoch of at least this number, up to 899."""
    return re.compile("^(" + "|".join(str(n) for n in range(epoch, 900)) + ")$")


def run_in(page: Page) -> str:
    found = re.search(r"[?&]run=([^&]+)", page.url)
    assert found, page.url
    return found.group(1)


def start_on_digits(page: Page, epochs: int) -> None:
    """Starts a run on digits through the full form, from wherever the page stands."""
    page.locator(".st-key-new-run button, .st-key-start-data-page").first.wait_for()
    place = "page"
    if page.locator(".st-key-new-run button").count():
        page.locator(".st-key-new-run button").click()
        place = "dialog"
    page.locator(f".st-key-start-data-{place}").get_by_text("digits", exact=True).click()
    settle(page)
    page.locator(f".st-key-adjust-lenet-500-300-quick-{place} button").click()
    field = page.locator(f".st-key-form-{place}-epochs input")
    field.fill(str(epochs))
    field.press("Enter")
    page.wait_for_timeout(1000)  # on a busy machine the page begins to run again only some time later
    settle(page)
    page.locator(f".st-key-start-form-{place} button").click()


def test_start_watch_reload_stop_resume(
    open_page: Callable[..., Page], served: Served, stopped_afterwards: None
) -> None:
    page = open_page("/train")
    start_on_digits(page, 900)
    page.wait_for_url(re.compile(r"[?&]run=[^&]*custom"), timeout=MINUTE)
    run_id = run_in(page)

    # It trains, and the pictures change while nobody touches anything.
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-following", "true", timeout=MINUTE)
    expect(page.locator(".st-key-run-line")).to_contain_text("running", timeout=MINUTE)
    before, epoch = picture(page, "cells"), int(float(player.get_attribute("data-epoch") or 0))
    expect(player).to_have_attribute("data-epoch", later(epoch + 3), timeout=MINUTE)
    assert picture(page, "cells") != before

    # The view is paused; training goes on.
    page.locator(f"{PLAYER} .play").click()
    expect(player).to_have_attribute("data-following", "false")
    page.wait_for_url(re.compile(r"[?&]epoch="), timeout=MINUTE)
    stands = player.get_attribute("data-epoch")
    frames = int(player.get_attribute("data-frames") or 0)
    page.wait_for_timeout(3000)
    assert player.get_attribute("data-epoch") == stands
    assert int(player.get_attribute("data-frames") or 0) > frames

    # The page is reloaded, and is back at the live run, at the epoch that its link says.
    page.reload()
    settle(page)
    assert run_in(page) == run_id
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", str(stands), timeout=MINUTE)
    page.get_by_role("button", name="Live").click()
    expect(page.locator(PLAYER)).to_have_attribute("data-following", "true", timeout=MINUTE)

    # Stopped from the page, and resumed.
    done = len(store.open_run(run_id, served.runs).records())
    page.locator(".st-key-stop button").first.click()
    assert page.evaluate(WAITS_FOR_RESUME) == 0, "the old button stands beside the new one, which will move"
    assert store.open_run(run_id, served.runs).state is State.STOPPED
    page.locator(".st-key-resume button").first.click()  # at once, while the page is still being redrawn
    expect(page.locator(PLAYER)).to_have_attribute("data-following", "true", timeout=MINUTE)
    expect(page.locator(".st-key-stop button").first).to_be_visible(timeout=MINUTE)
    page.wait_for_timeout(3000)
    assert len(store.open_run(run_id, served.runs).records()) >= done


def test_the_page_is_not_run_again_while_a_run_is_followed(open_page: Callable[..., Page], served: Served) -> None:
    writer = write_run(served.runs, "running", epochs_done=4, hold=True)
    try:
        page = open_page(f"/train?run={writer.id}")
        expect(page.locator(PLAYER)).to_have_attribute("data-following", "true")
        page.locator(f"{PLAYER} canvas").first.evaluate("e => { e.mark = 'same'; }")
        page.locator("[data-testid=stApp]").evaluate(
            "e => { window.wholeRuns = 0; new MutationObserver(() => { if (e.dataset.testScriptState === 'running')"
            " window.wholeRuns += 1; }).observe(e, { attributes: true }); }"
        )
        page.wait_for_timeout(3500)
        assert page.locator(f"{PLAYER} canvas").first.evaluate("e => e.mark") == "same"
    finally:
        writer.close()
    # Its worker has ended: that is shown within seconds.
    expect(page.locator(".st-key-run-line")).to_contain_text("lost", timeout=10_000)


def test_a_refused_resume_is_said_and_leaves_the_page_its_looks(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs, "stopped", epochs_done=4, seed=11)
    page = open_page(f"/train?run={run.id}")
    held = Lock(run.folder / LOCK)
    try:
        page.locator(".st-key-resume button").first.click()
        expect(page.get_by_test_id("stAlertContentError")).to_contain_text("has a living worker")
    finally:
        held.release()
    container = page.get_by_test_id("stMainBlockContainer")
    assert container.evaluate("e => getComputedStyle(e).maxWidth") == "1320px"


def test_a_tab_learns_of_a_resume_elsewhere(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs, "stopped", epochs_done=4, seed=12)
    page = open_page(f"/train?run={run.id}")
    expect(page.locator(".st-key-run-line")).to_contain_text("stopped")
    writer = launcher.reopen(run.id, served.runs)
    try:
        expect(page.locator(".st-key-run-line")).to_contain_text("queued", timeout=MINUTE)
        expect(page.locator(".st-key-stop button").first).to_be_visible(timeout=MINUTE)
    finally:
        writer.close()


def test_a_link_opens_run_layer_epoch_and_unit(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs, network="lenet-5-caffe")
    page = open_page(f"/channels?run={run.id}&layer=conv2&epoch=6&unit=4")
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "6")
    expect(page.locator(f"{PLAYER} .sentence")).to_contain_text("Conv 2 at epoch 6")
    expect(page.get_by_text("Channel 4 of Conv 2", exact=True)).to_be_visible()


def test_the_hand_on_the_clock_goes_into_the_link(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs)
    page = open_page(f"/channels?run={run.id}&layer=dense1&epoch=9")
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "9")
    page.locator(f"{PLAYER} .back").click()
    page.wait_for_url(re.compile("epoch=8"))
    expect(page.get_by_text(re.compile("Click a neuron to mark it"))).to_be_visible()
    page.locator(f"{PLAYER} figure.cells canvas").click(position={"x": 200, "y": 60})
    page.wait_for_url(re.compile("unit="))
    expect(page.get_by_text(re.compile(r"^Neuron \d+ of Dense 1$"))).to_be_visible()
    page.reload()
    settle(page)
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "8")
    expect(page.get_by_text(re.compile(r"^Neuron \d+ of Dense 1$"))).to_be_visible()


def test_another_layer_is_one_click_away(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs, seed=4)
    page = open_page(f"/channels?run={run.id}")
    before = picture(page, "heatmap")
    page.locator(".st-key-layer-choice").get_by_text("Input", exact=True).click()
    page.wait_for_url(re.compile("layer=input"))
    expect(page.locator(f"{PLAYER} .sentence")).to_contain_text("Input at epoch")
    assert picture(page, "heatmap") != before


def test_a_run_is_deleted_after_a_second_question(open_page: Callable[..., Page], served: Served) -> None:
    run = write_run(served.runs, seed=8)
    page = open_page("/runs")
    page.locator(f".st-key-more-{run.id} button").first.click()
    page.locator(f".st-key-delete-{run.id} button").first.click()
    page.locator(".st-key-delete-yes button").click()
    expect(page.locator(f".st-key-run-{run.id}")).to_have_count(0)
    assert not run.folder.exists()
