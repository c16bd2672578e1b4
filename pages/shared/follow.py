"""A page that follows one run: its body runs again by itself while the run trains, and only then."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shared import run_picker
from sbp.runs import store
from sbp.runs.store import RunView


def follow(run_id: str, body: Callable[[RunView, bool], None], seconds: float, says_problem: bool = False) -> None:
    """Shows `body(run, polling)`, again every `seconds` while the run trains.

    When the run ends or is resumed, the whole page runs once, so that the polling stops or begins. A missing run
    gets a message, and a run with a problem shows that alone, unless the body does so (`says_problem`).
    """
    run = _open(run_id)
    if run is None:
        return
    polling = run_picker.trains(run)

    def again() -> None:
        now = _open(run_id)
        if now is None:
            return
        if polling != run_picker.trains(now):
            st.rerun()
        if now.problem and not says_problem:
            st.error(f"{run_picker.md(now.id)} cannot be read: {run_picker.md(now.problem)}", icon=":material/error:")
            return
        body(now, polling)

    st.fragment(again, run_every=seconds if polling else None)()


def _open(run_id: str) -> RunView | None:
    try:
        return store.open_run(run_id)
    except store.UnknownRun as error:
        st.info(f"{error} It may have been deleted.", icon=":material/delete:")
        return None
