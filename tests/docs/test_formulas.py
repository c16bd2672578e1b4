"""The site's formulas are drawn by the browser itself: nothing is fetched for them, and no TeX is left."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hook() -> dict[str, Any]:
    """What docs/formulas.py defines."""
    pytest.importorskip("latex2mathml")
    return runpy.run_path(str(ROOT / "docs" / "formulas.py"))


def test_a_formula_becomes_mathml(hook: dict[str, Any]) -> None:
    made = hook["on_page_content"](r'<p>If <span class="arithmatex">\(a &lt; b^2\)</span>, \(so\)</p>')
    assert "<mi>a</mi><mo>&#x0003C;</mo><msup><mi>b</mi><mn>2</mn></msup>" in made
    assert made.endswith(r"</span>, \(so\)</p>")


def test_no_command_of_the_paper_is_left_as_it_is(hook: dict[str, Any]) -> None:
    markdown = pytest.importorskip("markdown")
    settings = {
        "extensions": ["tables", "pymdownx.arithmatex"],
        "extension_configs": {"pymdownx.arithmatex": {"generic": True}},
    }
    before = markdown.markdown((ROOT / "docs" / "paper.md").read_text(encoding="utf-8"), **settings)
    after = hook["on_page_content"](before)
    assert after.count("<math") == before.count('class="arithmatex"') > 10
    assert not [math for math in re.findall("<math.*?</math>", after, re.DOTALL) if "\\" in math]


def test_nothing_of_the_site_is_loaded_from_elsewhere() -> None:
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not re.findall(r"^ *- *https?:.*", settings, re.MULTILINE)
