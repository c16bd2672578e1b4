"""Runs: placeholder until the page is written."""

import streamlit as st

from pages.parts import frame

frame.header("Runs", "What have I got?")
st.caption("This page is being written.")
