"""Your network: the lines that prune it and show it here, a file of its noise in and out, and what cannot be pruned."""

import streamlit as st

from pages.shared import frame
from pages.shared.documents import sections, show
from pages.your_network import noise_files

frame.header(
    "Your network",
    "Can it prune mine? Four lines in your own loop, and every page shows your run.",
    "unit",
    "group",
    "compact network",
)
code, files = st.columns([3, 2], gap="large")
with code:
    st.subheader("In your own loop")
    own = sections("own-loop")
    start = own.pop("")
    for tab, text in zip(st.tabs(list(own)), own.values(), strict=True):
        tab.markdown(text)
    with st.expander("What the lines above begin with"):
        st.markdown(start)
with files:
    st.subheader("As one file")
    noise_files.show()
st.subheader("What is refused, and why")
show(sections("refused")[""], "refused")
