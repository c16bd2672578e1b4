"""Text from outside in Markdown: what a link, a file or another program says stays text, on pages and in cards."""

from __future__ import annotations

import re

_MARK = re.compile(r"[\\`*_\[\]$<>#~@&|!]|:(?=\S)")
# Icons and addresses are found in the text that is left once escapes are read: an invisible character parts these.
_PARTED = re.compile(r"(:)(?=[\w+-]+:|material/)|(www)(?=\.)", re.IGNORECASE)


def md(text: str) -> str:
    r"""Plain text inside Markdown, on one line: whatever Markdown or Streamlit would interpret is escaped.

    >>> md("a_b [x](http://y)")
    'a\\_b \\[x\\](http\\://y)'
    """
    parted = _PARTED.sub(lambda found: f"{found[0]}\u2060", " ".join(text.split()))
    return _MARK.sub(r"\\\g<0>", parted)
