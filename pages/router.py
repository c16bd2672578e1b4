"""The main script, run on every interaction: names the pages and runs the one that is open."""

import streamlit as st

from pages.shared import frame

frame.configure()
page = st.navigation(
    [
        st.Page(
            "story/page.py",
            title="Story",
            icon=":material/play_circle:",
            url_path="story",
            default=True,
            help="What this is, in one minute: a recorded network shrinks while you watch.",
        ),
        st.Page(
            "gate/page.py",
            title="One gate",
            icon=":material/tune:",
            url_path="gate",
            help="What mu, sigma, a and b do to one unit's noise, redrawn while you drag.",
        ),
        st.Page(
            "train/page.py",
            title="Train",
            icon=":material/model_training:",
            url_path="train",
            help="Start a run in the background and watch its units being pruned.",
        ),
        st.Page(
            "channels/page.py",
            title="Channels",
            icon=":material/grid_on:",
            url_path="channels",
            help="Which units of a run are pruned, and when: SNR by layer and by epoch.",
        ),
        st.Page(
            "pixels/page.py",
            title="Pixels",
            icon=":material/apps:",
            url_path="pixels",
            help="Which input pixels a network prunes, and how it classifies a digit that you draw.",
        ),
        st.Page(
            "random_labels/page.py",
            title="Random labels",
            icon=":material/casino:",
            url_path="random-labels",
            help="Two networks on random labels: one memorises them, the other loses its units.",
        ),
        st.Page(
            "threshold/page.py",
            title="Threshold and cost",
            icon=":material/content_cut:",
            url_path="threshold",
            help="How small, how fast, at what error: drag the threshold; criteria, measured speed, downloads.",
        ),
        st.Page(
            "methods/page.py",
            title="Methods",
            icon=":material/compare_arrows:",
            url_path="methods",
            help="Our methods compared with the paper and others: error, units, MACs, measured speed.",
        ),
        st.Page(
            "runs/page.py",
            title="Runs",
            icon=":material/list_alt:",
            url_path="runs",
            help="Every run, live and recorded: state, result, resume, delete.",
        ),
    ],
    position="top",
)
page.run()
