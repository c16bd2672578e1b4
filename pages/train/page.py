"""Train: start a run in the background and watch its units being pruned; leave, come back, stop, resume."""

from typing import Literal

import streamlit as st

from pages.shared import film, frame, new_run, run_details, run_picker
from pages.train import live
from sbp.runs.store import RunView

frame.header("Train", "Watch pruning happen.", "unit", "SNR", "bound", "NLL", "KL", "MACs")
st.session_state.pop("start-done", None)  # a run started here is shown here: no other page is to go to it later


def new_run_button(run: RunView) -> None:
    """The button that opens the window with presets and form: the page's main one, unless a run can go on."""
    kind: Literal["primary", "secondary"] = "secondary" if run.resumable or run_picker.trains(run) else "primary"
    if st.button("New run", icon=":material/add:", key="new-run", type=kind):
        new_run.back("dialog")  # also where the window was closed over the form
        new_run.dialog()


shown, complaints = run_picker.choose(film.watchable)
frame.notices(complaints)
if shown is None:
    new_run.show("page")
else:
    live.show(shown.id, play=shown.recorded, tools=new_run_button)
    if not shown.problem:
        run_details.show(shown)
