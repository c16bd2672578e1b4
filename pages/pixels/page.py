"""Pixels: which input pixels a network prunes: a digit, the SNR map, the kept pixels, and the prediction."""

import streamlit as st

from pages.pixels import gradients
from pages.pixels import live as pixels_live
from pages.shared import film, frame, run_picker

frame.header("Pixels", "Which input pixels get pruned?")

run = run_picker.pick(film.has_film)
if run is None:
    st.info(
        "No run has pictures yet, not even a recorded one. Start one on the page Train: its pixels show here from its "
        "first epoch on.",
        icon=":material/apps:",
    )
    st.page_link("train/page.py", label="Go to Train", icon=":material/model_training:")
else:
    pixels_live.show(run.id)
    if pixels_live.explains(run):
        gradients.show(run.id)
