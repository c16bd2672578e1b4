"""What a link, a file or another program says, as text: every page takes it from here."""

from __future__ import annotations

from sbp.spec.markdown import md as md


def quoted(text: str, most: int = 24) -> str:
    """What a link says, in quotes and as code, which Markdown leaves alone; cut where it is long.

    >>> quoted("![](x)")
    "`'![](x)'`"
    """
    said = repr(text if len(text) <= most else text[:most] + "…").replace("`", "'")
    return f"`{said}`"
