"""Random labels: twins on one clock, of which one memorises and the other refuses; and the race between them."""

import streamlit as st

from pages.random_labels import memorise_race, run_pair
from pages.shared import frame

frame.header(
    "Random labels", "Why does it refuse to memorise, and when does it not?", "random labels", "NLL", "KL", "kept"
)
if st.session_state.pop("start-done", False):
    st.switch_page("train/page.py", query_params={"run": st.session_state["run-shown"]})
st.markdown(
    "Every training label is replaced by a random one, so there is nothing to learn but the labels themselves. With "
    "the noise on, a unit must pay for what it knows; memorised labels are not worth the KL, and it is pruned."
)
run_pair.show()
memorise_race.show()
