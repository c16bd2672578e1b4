"""The film of a live run comes in parts: no epoch is sent twice for nothing, and what is shown is the run as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pages.shared import run_picker
from sbp.runs import store
from sbp.spec.records import Snapshot
from sbp.viz import film
from sbp.viz.tables import tables
from tests.browser.served import Served, settle
from tests.made_up import record, trajectory, write_run

PLAYER = ".player"
EPOCHS = 44


@pytest.fixture
def writer(served: Served) -> Iterator[Any]:
    """A live run with `EPOCHS` epochs."""
    folder = write_run(served.runs, "running", epochs=60, epochs_done=EPOCHS, hold=True)
    yield folder
    folder.close()


def last_sentence(served: Served, run_id: str) -> str:
    run = store.open_run(run_id, served.runs)
    return str(film.pack(tables(run), run.config, live=True)["sentences"][-1])


def test_an_epoch_is_sent_without_those_before_it(open_page: Callable[..., Page], served: Served, writer: Any) -> None:
    page = open_page("/gate")
    heard: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: heard.append(len(data))))
    page.goto(f"{served.url}/train?run={writer.id}")
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-epoch", str(EPOCHS))
    settle(page)
    opening = sum(heard)
    heard.clear()
    epoch = EPOCHS + 1
    noise = trajectory(writer.layers, writer.config)(epoch)
    writer.append_snapshot(Snapshot(epoch, *noise))
    writer.append_record(record(writer.config, writer.layers, epoch, *noise))
    expect(player).to_have_attribute("data-epoch", str(epoch))
    expect(player.locator(".sentence")).to_have_text(last_sentence(served, writer.id))
    assert opening > 150_000
    assert sum(heard) < opening / 2, "two looks, or three"


def test_epochs_that_are_written_again_are_shown_as_they_are_now(
    open_page: Callable[..., Page], served: Served, writer: Any
) -> None:
    page = open_page(f"/train?run={writer.id}")
    said = page.locator(f"{PLAYER} .sentence")
    before = last_sentence(served, writer.id)
    expect(said).to_have_text(before)
    other: Path = write_run(served.runs, "stopped", epochs=60, epochs_done=EPOCHS, seed=5).folder
    for name in ("noise.f32", "records.jsonl"):
        shutil.copy(other / name, writer.path / name)
    assert last_sentence(served, writer.id) != before
    expect(said).to_have_text(last_sentence(served, writer.id))


def test_each_page_and_each_run_has_the_film_of_its_own(
    open_page: Callable[..., Page], served: Served, writer: Any
) -> None:
    other = write_run(served.runs, epochs=7, seed=6)
    page = open_page(f"/train?run={writer.id}")
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-epoch", str(EPOCHS))
    page.locator(".st-key-run-line").get_by_role("link", name="Channels").click()
    expect(player.locator(".sentence")).to_contain_text("Dense 1 at epoch")
    runs = page.locator("[class*=st-key-run-choice] input")
    runs.fill(run_picker.label(other))
    runs.press("Enter")
    expect(player).to_have_attribute("data-frames", "8")
    page.reload()
    expect(player).to_have_attribute("data-frames", "8")
