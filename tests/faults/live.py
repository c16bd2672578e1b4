"""Text that would be a picture, a link, a colour, a formula, an icon or markup, and whether a page lets it be one."""

from __future__ import annotations

import re
from typing import Any

LIVE = (
    *("![](http://evil.test/b.png)", "[Sign in](http://evil.test)", ":red[warning]", "$\\frac{1}{0}$", "<b>evil</b>"),
    *(":material/skull:", ":smile:", "**evil**", "`evil` **evil**", "<script>alert(1)</script>", "http://evil.test/x"),
    *("www.evil.test/x", "evil@evil.test", "a\n# evil", "&lt;b&gt;"),
)
# Kinds of elements whose text is read as Markdown.
KINDS = (
    "markdown",
    "caption",
    "info",
    "warning",
    "error",
    "success",
    "toast",
    "title",
    "header",
    "subheader",
    "metric",
)
# What is read as a mark where it is not escaped; and what is looked for in the text that is left, escapes or not.
_MARKS = (
    *(r"\]\(\S*evil", r":red\[warning", r"\$\S*frac\{1\}\{0", r"</?(b|script)>", r"https?://evil", r"\*\*evil"),
    *(r"^# evil", r"evil@evil", r"&lt;"),
)
_ANYWHERE = (r":material/skull:", r":smile:", r"www\.evil")


def live(text: str) -> list[str]:
    """What in a page's Markdown is not plain text there."""
    read = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)
    escaped, left = re.sub(r"\\[^\w\s]", "", read), re.sub(r"\\(?=[^\w\s])", "", read)
    found = [mark for mark in _MARKS if re.search(mark, escaped, re.MULTILINE)]
    return found + [mark for mark in _ANYWHERE if re.search(mark, left)]


def said(at: Any) -> list[str]:
    """Every text of a page that is read as Markdown."""
    found = [element.proto.text for element in at.get("progress")]
    for kind in KINDS:
        for element in at.get(kind):
            found += [str(getattr(element, name, "")) for name in ("value", "label", "body", "help")]
    return found
