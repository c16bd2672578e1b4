"""A button that copies the address of what is on the screen."""

from __future__ import annotations

import streamlit as st

from pages.shared.assets import read

_BUTTON = st.components.v2.component(
    "copy_link",
    html=read("shared/copy_link/copy.html"),
    css=read("shared/copy_link/copy.css"),
    js=read("shared/copy_link/copy.js"),
)


def copy_link() -> None:
    """Shows the button; the browser copies its own address, so the link is what the address bar says."""
    _BUTTON(key="copy-link", width="content")
