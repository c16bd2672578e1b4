"""Takes every page, light and dark, on a laptop's and on a phone's screen, to be looked at.

python -m tests.browser.screenshots OUT [--runs FOLDER] [PATH ...]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.served import launch, serve, settle

PATHS = (
    "/",
    "/gate",
    "/train",
    "/channels",
    "/pixels",
    "/random-labels",
    "/threshold",
    "/methods",
    "/your-network",
    "/theory",
    "/questions",
    "/talk",
    "/runs",
)
SCREENS = {"laptop": (1366, 768), "phone": (390, 844)}
# Long enough for a page's figures to be drawn after its script has run.
DRAW_MS = 2500


def take(browser: Browser, url: str, path: str, screen: str, dark: bool, out: Path) -> list[Path]:
    """One page on one screen: what is above the fold, and the whole of it."""
    width, height = SCREENS[screen]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        has_touch=screen == "phone",
    )
    page = context.new_page()
    page.goto(url + path)
    settle(page).wait_for_timeout(DRAW_MS)
    name = (path.strip("/").replace("?", "-").replace("&", "-") or "story") + f"-{screen}-{'dark' if dark else 'light'}"
    files = [out / f"{name}.png", out / f"{name}-full.png"]
    page.screenshot(path=files[0])
    # Streamlit scrolls inside the page, so a full screenshot needs a window as tall as the content.
    tall = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight + 80")
    page.set_viewport_size({"width": width, "height": max(height, int(tall))})
    page.wait_for_timeout(DRAW_MS)
    page.screenshot(path=files[1])
    context.close()
    return files


def main(out: Path, paths: tuple[str, ...] = PATHS, runs: Path | None = None) -> None:
    """Pictures of these paths; runs: a folder of runs to show, which is copied and not written to."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright, serve(Path(folder)) as served:
        if runs is not None:
            shutil.copytree(runs, served.runs, dirs_exist_ok=True)
        browser = launch(playwright)
        for path in paths:
            for screen in SCREENS:
                for dark in (False, True):
                    for file in take(browser, served.url, path, screen, dark, out):
                        print(file)
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots")
    parser.add_argument("out", type=Path, help="the folder for the pictures")
    parser.add_argument("paths", nargs="*", default=PATHS, help="what to take; every page by default")
    parser.add_argument("--runs", type=Path, help="a folder of runs to show; it is copied")
    given = parser.parse_args()
    main(given.out, tuple(given.paths), given.runs)
