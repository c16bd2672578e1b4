"""Which of the two themes the visitor sees."""

from __future__ import annotations

import streamlit as st


def is_dark() -> bool:
    """Whether the page is shown in the dark theme; False until the browser has said so."""
    return st.context.theme.type == "dark"
