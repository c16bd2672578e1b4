"""Train: start a run in the background and watch its units being pruned; leave, come back, stop, resume."""

import streamlit as st

from pages.shared import film, frame, new_run, run_details, run_picker
from pages.train import live

frame.header("Train", "Watch pruning happen.", "unit", "SNR", "bound", "NLL", "KL", "MACs")
st.session_state.pop("start-done", None)  # a run started here is shown here: no other page is to go to it later

runs = run_picker.suitable(film.watchable)
watching = bool(run_picker.remembered()) or any(not run.recorded for run in runs)


def new_run_button() -> None:
    """The button that opens the window with presets and form."""
    if st.button("New run", icon=":material/add:", key="new-run"):
        new_run.dialog()


if watching and runs:
    run, complaints = run_picker.choose(film.watchable)
    frame.notices(complaints)
    assert run is not None
    live.show(run.id, play=run.recorded, tools=new_run_button)
    if not run.problem:
        run_details.show(run)
else:
    new_run.show("page")
    if typical := run_picker.newest(runs):
        live.show(typical.id, play=True)
