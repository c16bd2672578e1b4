"""Reads the HTML, CSS and JavaScript that components are made of; there is no build step."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[1]

_IMPORT = re.compile(r'^import\b[^;"]*"([^"]+)";[^\S\n]*\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default\b)", re.MULTILINE)


def read(path: str) -> str:
    """The text of one file under pages/, such as "gate/js/gate.css"."""
    return (PAGES / path).read_text(encoding="utf-8")


def bundle(entry: str) -> str:
    """The module `entry` and all that it imports as one, each after what it needs: imports dropped, exports made plain.

    Only `entry` may have a default export. The files stay modules that Node and a browser can import one by one, which
    is how the tests read them.

    >>> "export default" in bundle("gate/js/maths.js")
    False
    """
    modules: dict[Path, str] = {}

    def add(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        for other in _IMPORT.findall(text):
            if (needed := (path.parent / other).resolve()) not in modules:
                add(needed)
        modules[path] = _EXPORT.sub("", _IMPORT.sub("", text))

    add((PAGES / entry).resolve())
    return "\n".join(modules.values())
