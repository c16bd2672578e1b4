"""Runs: every run there is, live and recorded; compare, export, resume, stop, delete."""

import streamlit as st

from pages.runs import compare, rows
from pages.shared import frame
from sbp.runs import store

POLL_SECONDS = 2.0

frame.header("Runs", "Your runs", "kept", "MACs")


def listing(polling: bool) -> None:
    """The rows; polls only while something runs, and runs the page again once when that has ended."""
    runs = store.list_runs()
    if polling != any(run.state.active for run in runs if not run.recorded):
        st.rerun()
    if said := st.session_state.pop("runs-said", None):
        st.error(said, icon=":material/error:")
    if not any(not run.recorded for run in runs):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(":gray[No run of your own yet.]", width="content")
            st.page_link("train/page.py", label="Start one", icon=":material/play_arrow:")
    ticked = rows.rows(runs)
    if len(runs) >= compare.LEAST > len(ticked):
        said = "Tick one more run to compare the two." if ticked else "Tick two to four runs to compare them."
        st.caption(said)
    elif len(ticked) >= compare.LEAST:
        compare.show([run for run in runs if run.id in ticked])


busy = any(run.state.active for run in store.list_runs(recorded=False))
st.fragment(listing, run_every=POLL_SECONDS if busy else None)(busy)
