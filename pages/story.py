"""Story: placeholder until the page is written."""

import streamlit as st

from pages.parts import frame

frame.header("Story", "What is this, in one minute, with no click?")
st.caption("This page is being written.")
