"""The README's picture and clip, as `python -m tests.browser.clip` wrote them."""

from __future__ import annotations

from PIL import Image

from tests.browser import clip


def test_the_clip_has_30_seconds_in_less_than_one_and_a_half_megabytes() -> None:
    assert sum(count for _, _, count in clip.SCENES) * clip.FRAME_MS == 30_000
    file = clip.ASSETS / "clip.webp"
    assert file.stat().st_size < 1_500_000
    with Image.open(file) as picture:
        assert picture.size == clip.SHRUNK
        lasts = 0
        for frame in range(picture.n_frames):  # type: ignore[attr-defined]  # frames that are alike are one
            picture.seek(frame)
            picture.load()
            lasts += picture.info["duration"]
    assert lasts == 30_000


def test_the_readme_shows_both() -> None:
    said = (clip.ASSETS.parent / "README.md").read_text(encoding="utf-8")
    assert all(f"](assets/{name})" in said for name in ("story.png", "clip.webp"))
