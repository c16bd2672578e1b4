"""The player in a real browser: it plays by itself, obeys hand and keys, and its clock's arithmetic holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pages.shared.assets import read
from tests.browser.served import Served, assert_fits_a_phone
from tests.made_up import record, trajectory, write_run

PLAYER = ".player"


@pytest.fixture(scope="module")
def run_id(served: Served) -> str:
    """A finished run that the served app can show."""
    return str(write_run(served.runs, epochs=20).id)


def epoch(page: Page) -> int:
    return int(page.locator(PLAYER).get_attribute("data-epoch") or -1)


def held(page: Page) -> None:
    """Waits until the player stands still with its first picture drawn."""
    expect(page.locator(PLAYER)).to_have_attribute("data-playing", "false")


# The places that the clock's hand was seen at within a second, one per redraw.
FRAMES = """(bar) => new Promise((done) => {
  const seen = new Set();
  const start = performance.now();
  const look = (now) => {
    seen.add(Number(bar.value));
    now - start < 1000 ? requestAnimationFrame(look) : done([...seen]);
  };
  requestAnimationFrame(look);
})"""


def test_the_story_plays_without_a_click(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page("/")
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-playing", "true")
    places = page.locator(f"{PLAYER} .scrub").evaluate(FRAMES)
    assert places == sorted(places)
    assert len(places) > 10  # 60 on an idle machine
    assert page.locator(f"{PLAYER} canvas").count() == 3
    expect(page.locator(f"{PLAYER} .sentence")).to_contain_text("units")


def test_keys_step_and_pause(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/train?run={run_id}")
    held(page)
    expect(page.locator(PLAYER)).to_have_attribute("data-epoch", "20")
    for key, expected in (("ArrowLeft", 19), ("ArrowLeft", 18), ("ArrowRight", 19), ("Home", 0), ("End", 20)):
        page.keyboard.press(key)
        expect(page.locator(PLAYER)).to_have_attribute("data-epoch", str(expected))
    page.keyboard.press("Space")
    expect(page.locator(PLAYER)).to_have_attribute("data-playing", "true")
    page.keyboard.press("Space")
    held(page)


def test_scrubbing_redraws_while_the_hand_moves(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/train?run={run_id}")
    held(page)
    bar = page.locator(f"{PLAYER} .scrub")
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 3, y)
    page.mouse.down()
    seen = []
    for share in (0.8, 0.5, 0.35, 0.02):
        page.mouse.move(box["x"] + box["width"] * share, y)
        page.wait_for_timeout(120)
        seen.append(epoch(page))
    page.mouse.up()
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 4


def test_who_wants_no_motion_gets_the_end_of_the_film(browser: Any, served: Served, run_id: str) -> None:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(served.url)
    player = page.locator(PLAYER)
    expect(player).to_have_attribute("data-playing", "false", timeout=30_000)
    frames = int(player.get_attribute("data-frames") or 0)
    assert frames > 2
    expect(page.locator(f"{PLAYER} .when")).not_to_contain_text("epoch 0 ")
    context.close()


def test_no_page_scrolls_sideways_on_a_phone(open_page: Callable[..., Page], run_id: str) -> None:
    for path in (f"/train?run={run_id}", f"/channels?run={run_id}", "/runs"):
        assert_fits_a_phone(open_page(path, width=390, height=844))


def test_a_phone_on_its_side_keeps_all_pictures_and_a_slide_those_that_carry_the_idea(
    open_page: Callable[..., Page], run_id: str
) -> None:
    for embed, seen in (("", "visible"), ("&embed=true", "hidden")):
        page = open_page(f"/train?run={run_id}{embed}", width=844, height=390)
        figure = page.locator(f"{PLAYER} figure.bound")
        figure.wait_for(state="attached")
        assert figure.evaluate("figure => getComputedStyle(figure).visibility") == seen


# What is written on canvases from now on: words, place, canvas.
LISTEN = """() => {
  window.written = [];
  const own = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
    const wide = this.measureText(words).width;
    const left = this.textAlign === 'right' ? x - wide : this.textAlign === 'center' ? x - wide / 2 : x;
    window.written.push({ words, left, right: left + wide, y, of: this.canvas.closest('figure').className });
    return own.call(this, words, x, y);
  };
}"""


def test_no_name_is_written_over_another_after_one_epoch_of_pretraining(
    open_page: Callable[..., Page], served: Served
) -> None:
    writer = write_run(served.runs, "running", epochs_done=0, hold=True, pretrain_epochs=3, seed=4)
    zero = trajectory(writer.layers, writer.config)(0)
    first = record(writer.config, writer.layers, 1, *zero)
    writer.append_record(
        replace(first, epoch=-2, phase="pretrain", train_error_percent=8.0, validation_error_percent=9.0)
    )
    try:
        page = open_page(f"/train?run={writer.id}")
        page.locator(PLAYER).wait_for()
        page.evaluate(LISTEN)
        page.set_viewport_size({"width": 1300, "height": 760})
        page.wait_for_function("window.written.some(({ words }) => words === 'held-out')")
        words = page.evaluate("window.written")
    finally:
        writer.close()
    named = {one["words"]: one for one in words if one["of"] == "error"}
    held_out, training = named["held-out"], named["training"]
    assert abs(held_out["y"] - training["y"]) > 10 or held_out["right"] < training["left"]


# Scrubs to a place between two frames; gives what the next picture of the network says and how high its bars are.
GLIDE = """async (root, share) => {
  const drawn = { words: [], full: {}, kept: {} };
  const pen = CanvasRenderingContext2D.prototype;
  const [text, fill, stroke] = [pen.fillText, pen.fillRect, pen.strokeRect];
  const ours = (pen) => pen.canvas.closest("figure").className === "network";
  pen.fillText = function (words, ...at) {
    if (ours(this)) drawn.words.push(words);
    return text.call(this, words, ...at);
  };
  pen.strokeRect = function (x, y, w, h) {
    if (ours(this)) [drawn.full[x - 0.5], drawn.kept[x - 0.5]] = [h + 1, 0];
    return stroke.call(this, x, y, w, h);
  };
  pen.fillRect = function (x, y, w, h) {
    if (ours(this) && x in drawn.kept) drawn.kept[x] += h - 0.6;
    return fill.call(this, x, y, w, h);
  };
  const bar = root.querySelector(".scrub");
  bar.value = String(bar.max * share);
  bar.dispatchEvent(new Event("input"));
  await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  Object.assign(pen, { fillText: text, fillRect: fill, strokeRect: stroke });
  const shares = Object.keys(drawn.full).map(Number).sort((a, b) => a - b).map((x) => drawn.kept[x] / drawn.full[x]);
  const [said, cells] = [".sentence", "figure.cells figcaption"].map((name) => root.querySelector(name).textContent);
  return { words: drawn.words, shares, said, cells, kept: root.dataset.kept };
}"""


def test_numbers_and_bars_glide_together(open_page: Callable[..., Page], run_id: str) -> None:
    player = open_page("/?epoch=0").locator(PLAYER)
    expect(player).to_have_attribute("data-epoch", "0")
    units = (784, 500, 300)
    passing = 0
    for place in (0.03, 0.1, 0.23, 0.31, 0.4, 0.52, 0.6):
        drawn = player.evaluate(GLIDE, place)
        kept = [int(count) for count in drawn["kept"].split("-")]
        numbers = [word for word in drawn["words"] if word.isdigit()]
        assert numbers[: len(kept)] == [str(count) for count in kept]
        assert drawn["shares"] == pytest.approx([k / n for k, n in zip(kept, units, strict=True)], abs=0.01)
        assert f"{kept[0]} of 784 pixels" in drawn["cells"]
        assert "–".join(map(str, kept)) in drawn["said"] or drawn["said"].startswith("At the start all")
        passing += drawn["said"].startswith("From ")
    assert passing >= 3, "some places lie between two frames of different counts"


def test_the_speed_is_in_the_buttons_name(open_page: Callable[..., Page], run_id: str) -> None:
    page = open_page(f"/train?run={run_id}")
    held(page)
    page.get_by_role("button", name="Speed 1×").click()
    faster = page.locator(f"{PLAYER} .speed")
    expect(faster).not_to_have_text("1×")
    expect(faster).to_have_attribute("aria-label", f"Speed {faster.inner_text()}")


CLOCK = """
async (source) => {
  const c = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const said = {};
  const fresh = (more) => c.makeClock({ track: [0, 1, 3, 7], seconds: 7, ...more });
  let clock = fresh({ playing: true });
  for (let i = 0; i < 100; i++) c.tick(clock, 0.01);
  said.evenly = [clock.moment, c.placeAt(clock, clock.moment)];
  for (let i = 0; i < 700; i++) c.tick(clock, 0.01);
  said.end = [clock.moment, clock.playing];
  clock = fresh({ playing: true, loop: true, moment: 3 });
  for (let i = 0; i < 299; i++) c.tick(clock, 0.01);
  said.holds = clock.moment;
  for (let i = 0; i < 5; i++) c.tick(clock, 0.01);
  said.loops = clock.moment < 0.1;
  clock = fresh({ moment: 1.4 });
  c.step(clock, 1); said.next = clock.moment;
  c.step(clock, -1); said.back = clock.moment;
  c.step(clock, -1); c.step(clock, -1); said.floor = clock.moment;
  c.toggle(clock); said.toggled = clock.playing;
  clock = fresh({ live: true });
  said.follows = clock.following;
  c.tick(clock, 10); said.newest = clock.moment;
  c.grow(clock, [0, 1, 3, 7, 15], clock.moment, true); c.tick(clock, 10); said.grown = clock.moment;
  c.seek(clock, 1); c.tick(clock, 10); said.stays = clock.moment;
  c.grow(clock, [0, 1, 3, 7, 15, 31], clock.moment, true); said.held = clock.moment;
  c.follow(clock); c.tick(clock, 10); said.again = clock.moment;
  c.grow(clock, [0, 1, 3, 7, 15, 31], clock.moment, false); said.over = [clock.following, clock.live];
  c.grow(clock, clock.track, clock.moment, true); said.resumed = clock.following;
  clock = c.makeClock({ track: [], seconds: 5 });
  c.tick(clock, 1); c.step(clock, 1); c.toggle(clock); said.empty = clock.moment;
  return said;
}
"""


def test_the_clock(browser: Any) -> None:
    page = browser.new_page()
    said = page.evaluate(CLOCK, read("shared/player/clock.js"))
    page.close()
    assert said["evenly"] == pytest.approx([1.0, 1.0], abs=1e-6)  # one second of seven is one place of seven
    assert said["end"] == [pytest.approx(3), False]
    assert said["holds"] == 3
    assert said["loops"]
    assert (said["next"], said["back"], said["floor"]) == (2, 1, 0)
    assert said["toggled"]
    assert said["follows"]
    assert (said["newest"], said["grown"], said["stays"], said["held"], said["again"]) == (3, 4, 1, 1, 5)
    assert said["over"] == [False, False]
    assert said["resumed"]
    assert said["empty"] == 0
