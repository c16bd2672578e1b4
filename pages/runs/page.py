"""Runs: every run there is, live and recorded; compare, export, resume, stop, delete."""

import streamlit as st

from pages.runs import compare, rows
from pages.shared import frame
from pages.shared.figures import csv_button
from pages.shared.outside import md
from sbp.runs import remote, store
from sbp.runs.roots import runs_url

POLL_SECONDS = 2.0
LIST = 320  # px, of the list beside a comparison

frame.header("Runs", "Your runs", "kept", "MACs")
st.page_link("search/page.py", label="Searches", icon=":material/query_stats:")


def listing(polling: bool) -> None:
    """The rows; polls only while something runs, and runs the page again once when that has ended."""
    runs = store.newest_runs()
    if polling != any(run.state.active for run in runs if not run.recorded):
        st.rerun()
    if said := st.session_state.pop("runs-said", None):
        st.error(md(said), icon=":material/error:")
    rows.undo()
    if url := runs_url():
        st.caption(f"Your runs are in {md(url)}.")
    if trouble := remote.trouble():
        st.warning(f"The list may be old: {md(trouble)}", icon=":material/cloud_off:")
    if not any(not run.recorded for run in runs):
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            st.markdown(":gray[No run of your own yet.]", width="content")
            st.page_link("train/page.py", label="Start one", icon=":material/play_arrow:")
    chosen = rows.ticked(runs)
    comparing = len(chosen) >= compare.LEAST
    if comparing:
        compare.show(chosen)
    elif len(runs) >= compare.LEAST:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            how = "Tick one more run to compare the two." if chosen else "Tick two to four runs to compare them."
            st.caption(how, width="stretch")
            sound = [run for run in runs if not run.problem]
            csv_button(lambda: compare.differences(sound).to_csv().encode(), "runs", "Every run as a row of a CSV file")
    # While runs are compared the list scrolls by itself, so that the page is short and the comparison stays in view.
    with st.container(height=LIST if comparing else "content", border=False, key="runs-list"):
        rows.rows(runs, chosen)
    if (count := store.count_runs()) > store.NEWEST:
        st.caption(f"These are the newest {store.NEWEST} of {count:,} runs; `python -m sbp runs --last 0` lists all.")


busy = any(run.state.active for run in store.newest_runs(recorded=False))
st.fragment(listing, run_every=POLL_SECONDS if busy else None)(busy)
