"""Train: placeholder until the page is written."""

import streamlit as st

from pages.parts import frame

frame.header("Train", "Watch pruning happen.")
st.caption("This page is being written.")
