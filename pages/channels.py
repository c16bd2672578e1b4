"""Channels: placeholder until the page is written."""

import streamlit as st

from pages.parts import frame

frame.header("Channels", "Which channels die, when?")
st.caption("This page is being written.")
