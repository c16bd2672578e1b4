"""Where page One gate opens, and what it remembers: link → session → component → address."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from pages.shared import interval, state
from sbp.distributions import moments
from sbp.distributions.one_step import one_step

PAGE = "gate"
# Session keys: the view as last let go, and the one that the component was given.
LAST, GIVEN = "gate-view", "gate-given"
DRAW = "gate-draw"


def opening() -> tuple[dict[str, float], list[str]]:
    """The view to show and what of the link does not go together.

    A link that says something else than what was last shown wins: the page was opened by it, or the browser
    went back. Otherwise the component keeps what it was given for as long as it stays on the page.
    """
    complaints: list[str] = []
    linked = state.from_link(PAGE)
    last = st.session_state.get(LAST, {name: field.default for name, field in state.fields(PAGE).items()})
    view = {**last, **linked}
    if view != last:
        view, complaints = interval.fitted(view, PAGE)
    if view != last or "gate" not in st.session_state:
        st.session_state[GIVEN] = view
    if LAST in st.session_state and not linked:
        # Back from another page, whose address says nothing of this one.
        state.remember(PAGE, view)
    st.session_state[LAST] = view
    return st.session_state.get(GIVEN, view), complaints


def released() -> None:
    """The user let go: the component's values become the session's and the address's."""
    values = st.session_state["gate"]["view"]
    view = {name: float(f"{values[name]:.6g}") for name in state.fields(PAGE)}
    st.session_state[DRAW] = int(values.get("draw") or 0)
    st.session_state[LAST] = view
    state.remember(PAGE, view)


def step() -> dict[str, Any]:
    """One training step of the gate as last let go, with the SNR before it; each step taken draws another theta."""
    view, draw = st.session_state[LAST], st.session_state.get(DRAW, 0)
    unit = view["mu"], math.log(view["sigma"]), view["a"], view["b"]
    return {"view": view, "draw": draw, "before": float(moments.snr(*unit)), **one_step(*unit, draw)._asdict()}
