"""Pages of the documentation, as Streamlit shows Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.shared.figures import csv_button

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


def show(text: str, name: str) -> None:
    """Shows Markdown, with a button below each table that saves it; name: of the files, without ending."""
    for at, (part, rows) in enumerate(split(text)):
        st.markdown(part)
        if rows is not None:
            csv_button(partial(_csv, rows), f"{name}-{at}" if at else name)


def split(text: str) -> Iterator[tuple[str, pd.DataFrame | None]]:
    """Markdown in parts that each end with a table, and that table; the last part may have none.

    >>> (first, rows), (last, none) = split("First\\n\\n| x | y |\\n|---|---|\\n| 1 | 2 |\\n\\nand last.")
    >>> rows.to_dict("records"), last, none
    ([{'x': '1', 'y': '2'}], 'and last.', None)
    """
    before, *rest = re.split(r"((?:^\|.*(?:\n|$))+)", text, flags=re.MULTILINE)
    for lines, after in zip(rest[::2], rest[1::2], strict=True):
        head, _, *body = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines.split("\n") if line)
        yield (before + lines).strip(), pd.DataFrame(body, columns=head)
        before = after
    if before.strip():
        yield before.strip(), None


def _csv(rows: pd.DataFrame) -> bytes:
    return rows.to_csv(index=False).encode()
