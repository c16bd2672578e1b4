"""A component with its data as one HTML file, which opens from disk: without Python, without a network."""

from __future__ import annotations

import html
import json
import re
import tomllib
from string import Template
from typing import Any

from pages.shared.assets import PAGES, read
from sbp import __version__

HELP = "One file that plays in any browser, from disk and without a network"
_CONFIG = PAGES.parent / ".streamlit" / "config.toml"
_OTHERS = {"font": "system-ui, sans-serif", "button-radius": "0.5rem"}  # Streamlit's own, of which it brings the files


def document(title: str, about: str, *, markup: str, css: str, js: str, data: Any) -> bytes:
    r"""One HTML file that shows a component as a page does, in the reader's light or dark theme.

    Its policy lets it load nothing: all that it needs is in it.

    Args:
        title: of the file; plain text.
        about: what it shows, in a line below the title; plain text.
        markup: the component's HTML.
        css: its styles.
        js: its modules as one, with a default export (`assets.bundle`).
        data: what it is given, as JSON can say it.

    Raises:
        ValueError: the data hold a number that JSON does not have, such as infinity.

    >>> page = document("a < b", "", markup="", css="", js="export default () => {};", data="</script>")
    >>> b"<h1>a &lt; b</h1>" in page, b'"\\u003c/script>"' in page
    (True, True)
    """
    parts = {
        "title": html.escape(title),
        "about": html.escape(about),
        "version": __version__,
        "theme": _theme(),
        "css": css,
        "html": markup,
        "data": json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
        "js": js.replace("export default ", "const showComponent = ", 1) + read("shared/standalone/host.js"),
    }
    return Template(read("shared/standalone/page.html")).substitute(parts).encode()


def _theme() -> str:
    """Streamlit's variables of the app's two themes."""
    themes = tomllib.loads(_CONFIG.read_text(encoding="utf-8"))["theme"]
    light, dark = (_variables(themes[name]) for name in ("light", "dark"))
    return (
        f":root {{ color-scheme: light dark; {_variables(_OTHERS)} {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )


def _variables(values: dict[str, Any]) -> str:
    """CSS variables of a theme's texts: `backgroundColor` is `--st-background-color`."""
    named = {re.sub(r"[A-Z]", lambda letter: f"-{letter[0].lower()}", name): value for name, value in values.items()}
    return " ".join(f"--st-{name}: {value};" for name, value in named.items() if isinstance(value, str))
