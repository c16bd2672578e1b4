"""A button that measures something of a run in a process of its own, and says so until it is done."""

from __future__ import annotations

import time

import streamlit as st

from pages.shared import visitors
from pages.shared.outside import md
from sbp.runs import measuring, store
from sbp.viz import labels

POLL_SECONDS = 2.0
ASKED, FAILED = "measure-asked", "measure-failed"


def offer(run_id: str, what: str, label: str, help: str) -> None:
    """The button, or what goes on instead; the whole page runs again when a measurement has ended."""
    polling = measuring.current() is not None
    st.fragment(_offer, run_every=POLL_SECONDS if polling else None)(run_id, what, label, help, polling)


def _offer(run_id: str, what: str, label: str, help: str, polling: bool) -> None:
    going = measuring.current()
    asked = st.session_state.get(ASKED)
    if going is None and asked is not None and asked[:2] == (what, run_id):
        del st.session_state[ASKED]
        if _result(what, run_id) == asked[2]:
            st.session_state[FAILED] = (what, run_id)
    if polling != (going is not None):
        st.rerun()
    if going is not None:
        ours = (going.what, going.run) == (what, run_id)
        since = labels.duration(time.time() - going.since)
        text = f"Measuring, {since}" if ours else "Another measurement is running"
        st.button(
            text,
            key=f"measure-{what}",
            icon=":material/hourglass_top:",
            disabled=True,
            help="It runs in a process of its own; leaving the page does not stop it.",
        )
        return
    why = md(visitors.refusal())
    if st.button(label, key=f"measure-{what}", icon=":material/timer:", disabled=bool(why), help=why or help):
        _start(what, run_id)
    if st.session_state.get(FAILED) == (what, run_id):
        said = measuring.last_words(what, run_id).splitlines()
        st.error(f"The measurement ended without a result. {md(said[-1]) if said else ''}", icon=":material/error:")


def _start(what: str, run_id: str) -> None:
    st.session_state.pop(FAILED, None)
    before = _result(what, run_id)
    try:
        visitors.check()
        measuring.start(what, run_id)
    except (store.BadRequest, store.UnknownRun, OSError) as error:
        st.warning(md(str(error)), icon=":material/hourglass_top:")
        return
    st.session_state[ASKED] = (what, run_id, before)
    st.rerun()


def _result(what: str, run_id: str) -> str:
    """What is there now, as a text that changes when something is measured."""
    try:
        run = store.open_run(run_id)
        return repr(run.sweep() if what == "sweep" else run.speed())
    except (store.UnknownRun, ValueError, OSError) as error:
        return str(error)
