"""A page that follows one run: its body runs again by itself while the run trains, and only then."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shared import film, run_picker, standing
from pages.shared.outside import md
from sbp.runs import store
from sbp.runs.store import RunView

WAIT_SECONDS = 1.0
LOOK_SECONDS = 5.0  # between two looks at a run that has ended: somebody may resume it elsewhere


def follow(run_id: str, body: Callable[[RunView, bool], None], seconds: float, any_state: bool = False) -> None:
    """Shows `body(run, polling)`, again every `seconds` while the run trains.

    When the run ends, is resumed or has its first pictures, the whole page runs once, so that the polling stops or
    begins. A missing run gets a message. A run with a problem shows that alone, and one that has no pictures yet shows
    when they come, unless the body does so (`any_state`).
    """
    run = _open(run_id)
    if run is None:
        return
    before = _stage(run, any_state)
    polling, awaited = before

    def again() -> None:
        now = _open(run_id)
        if now is None:
            return
        if before != _stage(now, any_state):
            st.rerun()
        if now.problem and not any_state:
            st.error(f"{md(now.id)} cannot be read: {md(now.problem)}", icon=":material/error:")
        elif awaited:
            _wait(now)
        else:
            body(now, polling)

    def look() -> None:
        now = _open(run_id)
        if now is not None and before != _stage(now, any_state):
            st.rerun()

    st.fragment(again, run_every=min(seconds, WAIT_SECONDS) if awaited else seconds if polling else None)()
    if run.resumable:
        st.fragment(look, run_every=LOOK_SECONDS)()


def _stage(run: RunView, any_state: bool) -> tuple[bool, bool]:
    """Whether it trains, and whether its pictures are waited for."""
    return run_picker.trains(run), not any_state and film.awaited(run)


def _wait(run: RunView) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="wait-line"):
        run_picker.line(run, film.followable)
        st.page_link("train/page.py", label="Train", icon=":material/model_training:", query_params={"run": run.id})
    standing.show(run)
    st.container(height=320, border=True, vertical_alignment="center", horizontal_alignment="center").markdown(
        f":gray[{standing.first_picture(run)}]", width="content"
    )


def _open(run_id: str) -> RunView | None:
    try:
        return store.open_run(run_id)
    except store.UnknownRun as error:
        st.info(f"{md(str(error))} It may have been deleted.", icon=":material/delete:")
        return None
