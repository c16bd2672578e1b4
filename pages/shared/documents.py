"""Pages of the documentation, as Streamlit shows Markdown."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def sections(name: str) -> dict[str, str]:
    """The parts of docs/NAME.md by their headings; what stands before the first by "".

    >>> list(sections("paper"))[1:4]
    ['The central formulas', 'What is misprinted', 'What later work says']
    """
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r"\[(`[^`]+`)\]\[[^\]]+\]", r"\1", text)  # links into the documentation of the API
    text = text.replace(r"\(", "$").replace(r"\)", "$").replace("\\[\n", "$$\n").replace("\\]\n", "$$\n")
    first, *others = re.split(r"^## ", text, flags=re.MULTILINE)
    return {"": first.partition("\n")[2].strip()} | {
        heading: body.strip() for heading, _, body in (part.partition("\n") for part in others)
    }
