"""A button that copies the address of what is on the screen."""

from __future__ import annotations

import streamlit as st

from pages.shared.assets import bundle, read

_BUTTON = st.components.v2.component(
    "copy_link",
    html=read("shared/copy_link/copy.html"),
    css=read("shared/copy_link/copy.css"),
    js=bundle("shared/copy_link/copy.js"),
)


def copy_link() -> None:
    """Shows the button; the browser copies its own address and adds the theme. The button's script also keeps the
    history short: it runs on every page."""
    _BUTTON(key="copy-link", width="content")
