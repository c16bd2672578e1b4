"""Takes the README's picture and its clip of 30 seconds from the app: assets/story.png and assets/clip.webp.

python -m tests.browser.clip [OUT]
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.served import launch, serve, settle

ASSETS = Path(__file__).parents[2] / "assets"
WIDTH, HEIGHT = 1280, 720
FRAME_MS, LEAST_MS = 200, 120  # what a frame lasts in the clip; what the page has to draw one
SHRUNK = (800, 450)
MOVE = """(input, share) => {
  input.value = Number(input.min) + share * (input.max - input.min);
  input.dispatchEvent(new Event('input', { bubbles: true }));
}"""
SEVEN = [(0.25, 0.2), (0.5, 0.2), (0.75, 0.2), (0.62, 0.45), (0.5, 0.65), (0.42, 0.85)]


def slid(selector: str, start: float, end: float, page: Page, count: int) -> Iterator[None]:
    """A slider goes from one share of its way to another."""
    for k in range(count):
        page.locator(selector).evaluate(MOVE, start + (end - start) * k / (count - 1))
        yield


def drawn(page: Page, count: int) -> Iterator[None]:
    """A seven is drawn by mouse on page Pixels."""
    page.get_by_role("button", name="Draw", exact=True).click()
    box = page.locator(".pixels .digit canvas").first.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
    each = (count - 5) // (len(places) - 1)
    page.mouse.move(*places[0])
    page.mouse.down()
    for (x, y), (to_x, to_y) in pairwise(places):
        for k in range(1, each + 1):
            page.mouse.move(x + (to_x - x) * k / each, y + (to_y - y) * k / each)
            yield
    page.mouse.up()
    yield from [None] * (count - each * (len(places) - 1))


# A link, what moves on its page, and for how many frames: 150 in all.
SCENES: tuple[tuple[str, Callable[[Page, int], Iterator[None]], int], ...] = (
    ("/", partial(slid, ".player .scrub", 0, 1), 50),
    ("/gate?mu=0&sigma=0.5&a=-20&b=0", partial(slid, ".gate #range-sigma", 0.55, 0.9), 25),
    ("/channels?run=lenet-5-caffe-paper&layer=conv2", partial(slid, ".player .scrub", 0, 1), 30),
    ("/pixels?run=lenet-500-300-paper", drawn, 25),
    ("/threshold?run=lenet-5-caffe-paper", partial(slid, ".threshold .hand", 0.1, 0.45), 20),
)


def shot(page: Page) -> Image.Image:
    """What the window shows, once it has been drawn."""
    page.wait_for_timeout(LEAST_MS)
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def story(page: Page, out: Path) -> None:
    """The picture: the story at about half of its way, without the navigation."""
    page.locator(".player .scrub").evaluate(MOVE, 0.62)
    page.wait_for_timeout(LEAST_MS)
    block = page.get_by_test_id("stMainBlockContainer").bounding_box()
    bar = page.locator(".player .bar").bounding_box()
    assert block is not None
    assert bar is not None
    top = page.locator(".page-title").bounding_box()
    assert top is not None
    clip = {
        "x": block["x"],
        "y": top["y"] - 8,
        "width": block["width"],
        "height": bar["y"] + bar["height"] - top["y"] + 16,
    }
    page.screenshot(path=out / "story.png", clip=clip)  # type: ignore[arg-type]


def main(out: Path) -> None:
    """Writes both files."""
    frames = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, serve(Path(folder)) as served:
        browser = launch(playwright)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        for path, moves, count in SCENES:
            page.goto(served.url + path)
            settle(page).wait_for_timeout(2500)
            if path == "/":
                story(page, out)
            frames += [shot(page).resize(SHRUNK, Image.Resampling.LANCZOS) for _ in moves(page, count)]
        browser.close()
    first, *others = frames
    first.save(out / "clip.webp", save_all=True, append_images=others, duration=FRAME_MS, loop=0, quality=12, method=4)
    print(
        f"{len(frames)} frames, {len(frames) * FRAME_MS / 1000:g} s, {(out / 'clip.webp').stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ASSETS)
