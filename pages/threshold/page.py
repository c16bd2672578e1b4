"""Threshold and cost: what a threshold on the SNR keeps and costs, its error, and how fast that runs here."""

import streamlit as st

from pages.shared import frame, run_picker
from pages.threshold import live as threshold_live

frame.header("Threshold and cost", "How small, how fast, at what error?")

run = run_picker.pick(threshold_live.has_noise)
if run is None:
    st.info(
        "No run has noise to put a threshold on yet, not even a recorded one. Start one on the page Train: its kept "
        "units and costs show here from its first epoch on.",
        icon=":material/content_cut:",
    )
    st.page_link("train/page.py", label="Go to Train", icon=":material/model_training:")
else:
    threshold_live.show(run.id)
