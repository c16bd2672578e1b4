"""Reads the HTML, CSS and JavaScript that components are made of; there is no build step."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[1]
SHARED = ("colours.js", "theme.js", "dom.js", "numbers.js")

_IMPORT = re.compile(r"^import\b[^;]*;[^\S\n]*\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default\b)", re.MULTILINE)


def read(path: str) -> str:
    """The text of one file under pages/, such as "gate/js/gate.css"."""
    return (PAGES / path).read_text(encoding="utf-8")


def bundle(folder: str, names: tuple[str, ...]) -> str:
    """The modules of shared/js and `names` of `folder` as one: imports dropped, exports made plain.

    Names are given in the order of dependence; only the last may have a default export. The files stay
    modules that Node and a browser can import one by one, which is how the tests read them.

    >>> "export default" in bundle("gate/js", ("maths.js",))
    False
    """
    paths = [f"shared/js/{name}" for name in SHARED] + [f"{folder}/{name}" for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", read(path))) for path in paths)
