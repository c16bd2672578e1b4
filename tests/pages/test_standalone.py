"""Saved HTML files without a browser: all that they need is in them, and nothing of a run is markup there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pages.gate import component
from pages.shared import film, player, standalone
from tests.made_up import write_run
from tests.pages.opened import healthy, opened
from tests.pages.test_gate import OPENING, given

ADDRESS = re.compile(r"(?:https?:)?//[\w.-]+\.\w{2,}|@import|url\((?!#)|<link|src=")
HARMLESS = {"http://www.w3.org"}  # the name of SVG's elements, which nobody asks for


def data_of(page: bytes) -> object:
    """What the component in a file is given."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.decode(), re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("changes", [{}, {"method": "original"}, {"network": "vgg-like"}], ids=str)
def test_the_file_of_a_run_asks_nobody(changes: dict[str, Any], tmp_path: Path) -> None:
    run = write_run(tmp_path, epochs=3, **changes)
    page = player.document(run, *film.train_layout(run))
    assert set(ADDRESS.findall(page.decode())) <= HARMLESS
    assert page.count(b"</script>") == 2
    assert data_of(page)["film"]["id"] == run.id  # type: ignore[index]


def test_the_file_of_the_gate_asks_nobody() -> None:
    step = given(opened("gate", mu="-1.5"), "step")
    page = component.document({**OPENING, "mu": -1.5}, step)
    assert set(ADDRESS.findall(page.decode())) <= HARMLESS
    assert data_of(page)["view"]["mu"] == -1.5  # type: ignore[index]


def test_words_are_text_and_data_close_no_script() -> None:
    hostile = "</script><script>$js<!--"
    page = standalone.document(hostile, hostile, markup="", css="", js="export default () => {};", data=[hostile])
    assert page.count(b"</script>") == 2
    assert b"<!--" not in page
    assert page.count(b"&lt;/script&gt;") == 3
    assert data_of(page) == [hostile]


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        standalone.document("", "", markup="", css="", js="export default () => {};", data=float("inf"))


def test_both_themes_have_the_same_variables() -> None:
    page = standalone.document("", "", markup="", css="", js="export default () => {};", data=None).decode()
    light, dark = re.findall(r":root \{(.*?)\}", page)
    assert "--st-background-color: #FFFFFF;" in light
    assert "--st-background-color: #10171F;" in dark
    assert set(re.findall(r"--st-[\w-]+", light)) - set(re.findall(r"--st-[\w-]+", dark)) == {
        "--st-font",
        "--st-button-radius",
    }


def test_pages_offer_the_files(runs_root: Path, recorded: str) -> None:
    def named(page: str, **link: str) -> list[str]:
        return [button.proto.label for button in healthy(opened(page, **link)).get("download_button")]

    run, live = write_run(runs_root), write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        assert "HTML" in named("story")
        assert "HTML" in named("gate")
        runs = opened("runs").get("download_button")
    finally:
        live.close()
    keys = {button.proto.id.rpartition("-None-")[2] or button.proto.id for button in runs}
    assert any(key.endswith(f"html-{run.id}") for key in keys)
    assert any(key.endswith(f"sh-{run.id}") for key in keys)
    assert not any(key.endswith(f"html-{live.id}") for key in keys)
