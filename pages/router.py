"""The main script, run on every interaction: names the pages and runs the one that is open."""

import streamlit as st

from pages.shared import frame, server

# Folder of each page: its title, its icon, what it is for.
PAGES = {
    "story": ("Story", "play_circle", "What this is, in one minute: a recorded network shrinks while you watch."),
    "gate": ("One gate", "tune", "What mu, sigma, a and b do to one unit's noise, redrawn while you drag."),
    "train": ("Train", "model_training", "Start a run in the background and watch its units being pruned."),
    "channels": ("Channels", "grid_on", "Which units of a run are pruned, and when: SNR by layer and by epoch."),
    "pixels": ("Pixels", "apps", "Which input pixels a network prunes, and how it classifies a digit that you draw."),
    "random_labels": (
        "Random labels",
        "casino",
        "Two networks on random labels: one memorises them, the other loses its units.",
    ),
    "threshold": (
        "Threshold and cost",
        "content_cut",
        "How small, how fast, at what error: drag the threshold; criteria, measured speed, downloads.",
    ),
    "methods": (
        "Methods",
        "compare_arrows",
        "Our methods compared with the paper and others: error, units, MACs, measured speed.",
    ),
    "questions": (
        "Questions",
        "quiz",
        "Is the kept set stable, is it calibrated, do units come back? Each with a figure and what it stands on.",
    ),
    "your_network": (
        "Your network",
        "hub",
        "Your own network and training loop, shown by these pages; what cannot be pruned, and why.",
    ),
    "theory": (
        "Theory",
        "function",
        "The formulas with numbers put in, where each is in the code, what is misprinted.",
    ),
    "talk": ("Talk", "co_present", "Two talks for a projector: one idea a slide, each a live figure, by arrow keys."),
    "search": (
        "Search",
        "query_stats",
        "A search over the settings of runs: table, frontier, the best so far.",
    ),
    "runs": ("Runs", "list_alt", "Every run, live and recorded: state, result, resume, delete."),
}

# Opened from another page: a laptop's width has room for so many links.
UNLISTED = ("questions", "search", "talk")

frame.configure()
page = st.navigation(
    [
        st.Page(
            f"{folder}/page.py",
            title=title,
            icon=f":material/{icon}:",
            url_path=folder.replace("_", "-"),
            default=folder == server.FRONT,
            visibility="hidden" if folder in UNLISTED else "visible",
            help=help,
        )
        for folder, (title, icon, help) in PAGES.items()
    ],
    position="top",
)
st.session_state[frame.PAGE] = page.url_path or server.FRONT
page.run()
