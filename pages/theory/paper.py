"""The page of the documentation on the paper, as Streamlit shows Markdown."""

from __future__ import annotations

import re
from pathlib import Path

PAPER = Path(__file__).parents[2] / "docs" / "paper.md"


def sections() -> dict[str, str]:
    """Its parts by their headings; the first, with what stands where, by "".

    >>> list(sections())[1:4]
    ['The central formulas', 'What is misprinted', 'What later work says']
    """
    text = PAPER.read_text(encoding="utf-8")
    text = re.sub(r"\[(`[^`]+`)\]\[[^\]]+\]", r"\1", text)  # links into the documentation of the API
    text = text.replace(r"\(", "$").replace(r"\)", "$").replace("\\[\n", "$$\n").replace("\\]\n", "$$\n")
    first, *others = re.split(r"^## ", text, flags=re.MULTILINE)
    return {"": first.partition("\n")[2].strip()} | {
        heading: body.strip() for heading, _, body in (part.partition("\n") for part in others)
    }
