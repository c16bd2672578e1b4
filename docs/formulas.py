"""Typesets the site's formulas while it is built, in MathML: a browser draws them by itself, without a network."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

# As pymdownx.arithmatex leaves them: \(...\) in a line, \[...\] on one of its own.
FORMULA = re.compile(r'(?<=class="arithmatex">)\\([(\[])(.*?)\\[)\]]', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Called for each page once its Markdown has become HTML."""
    return FORMULA.sub(_mathml, content)


def _mathml(formula: re.Match[str]) -> str:
    return str(convert(html.unescape(formula[2]), display="inline" if formula[1] == "(" else "block"))
