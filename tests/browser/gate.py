"""How the tests move the component of page One gate, and what they read of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

OPENING = "At mu = 0 and sigma = 1 this gate’s SNR is 2.09: kept."
# Counts the script runs that start while a test watches: Streamlit names them on the app's element.
WATCH = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  window.runs = 0;
  new MutationObserver(() => { if (app.dataset.testScriptState === 'running') window.runs += 1; })
    .observe(app, { attributes: true, attributeFilter: ['data-test-script-state'] });
}"""
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def sentence(page: Page) -> str:
    return page.locator(".gate .sentence").inner_text()


def draws(page: Page) -> int:
    return int(page.locator(".gate").get_attribute("data-draws") or 0)


def view(page: Page) -> dict[str, str]:
    return {name: value[0] for name, value in parse_qs(urlsplit(page.url).query).items()}


def centre(page: Page, selector: str) -> tuple[float, float, dict[str, Any]]:
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, dict(box)


def drag(page: Page, path: list[tuple[float, float]]) -> list[str]:
    """Presses at the first point, moves along the others and gives the sentence after each; still pressed."""
    page.mouse.move(*path[0])
    page.mouse.down()
    said = []
    for point in path[1:]:
        page.mouse.move(*point)
        page.evaluate(TWO_FRAMES)
        said.append(sentence(page))
    return said


def wait_for_link(page: Page, name: str) -> dict[str, str]:
    page.wait_for_function(f"location.search.includes('{name}')")
    return view(page)
