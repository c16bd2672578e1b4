"""The component of page Talk: slides over the whole window, and the keys that turn them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import segno
import streamlit as st

from pages.shared.assets import bundle, read
from pages.talk.deck import Deck, Slide

_COMPONENT = st.components.v2.component(
    "talk", html=read("talk/js/talk.html"), css=read("talk/js/talk.css"), js=bundle("talk/js/talk.js")
)
# Where the server listens to this machine alone, a phone cannot reach it.
CLOSED = "Phones cannot see this: the server listens to this machine alone. To open it to the room, start it with"
COMMAND = "streamlit run app.py --server.address 0.0.0.0 --server.allowedHosts '*' --browser.serverAddress HOST"


def talk(deck: Deck, slide: int, on_slide: Callable[[], None], on_end: Callable[[], None]) -> None:
    """Shows a deck at a slide, counted from 0; st.session_state["talk"] has the slide last turned to, as `slide`."""
    address = public_address()
    slides = [_slide(one, address) for one in deck.slides]
    _COMPONENT(
        key="talk",
        data={"title": deck.title, "slides": slides, "at": slide, "closed": CLOSED, "command": COMMAND},
        on_slide_change=on_slide,
        on_end_change=on_end,
    )


def public_address() -> str:
    """Where others open this app, by the option browser.serverAddress; "" where that is not set."""
    host = str(st.get_option("browser.serverAddress") or "")
    if host in ("", "localhost", "127.0.0.1"):
        return ""
    scheme = "https" if st.get_option("server.sslCertFile") else "http"
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"{scheme}://{host}:{st.get_option('browser.serverPort')}/{f'{path}/' if path else ''}"


def _slide(slide: Slide, address: str) -> dict[str, Any]:
    link = slide.link().removeprefix("./")
    return {
        **slide.model_dump(include={"title", "sentence", "note", "height", "question", "source", "show"}),
        "src": slide.link(embed="true"),
        "recorded": slide.recorded and {"src": slide.recorded.link(embed="true"), "show": slide.recorded.show},
        "link": address and address + link,
        "code": address and segno.make(address + link).svg_inline(border=2, omitsize=True, dark="#000", light="#fff"),
    }
