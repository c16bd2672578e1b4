"""One gate's mu, sigma, a and b: what pages accept together."""

from __future__ import annotations

import streamlit as st

from pages.shared import state
from sbp.spec.noise import LOC_MARGIN

GAP = 0.5


def fitted(view: dict[str, float], page: str) -> tuple[dict[str, float], list[str]]:
    """Numbers that are each in range may still not go together: a below b, mu near the interval."""
    defaults = {name: field.default for name, field in state.fields(page).items()}
    said = []
    if view["b"] - view["a"] < GAP:
        said.append(
            f"The link says a = {view['a']:g} and b = {view['b']:g}; expected b at least {GAP:g} above a. "
            f"Shown instead: a = {defaults['a']:g}, b = {defaults['b']:g}."
        )
        view = {**view, "a": defaults["a"], "b": defaults["b"]}
    low, high = view["a"] - LOC_MARGIN, view["b"] + LOC_MARGIN
    if not low <= view["mu"] <= high:
        inside = min(max(view["mu"], low), high)
        said.append(
            f"The link says mu = {view['mu']:g}; expected a number from {low:g} to {high:g} "
            f"on this interval. Shown instead: {inside:g}."
        )
        view = {**view, "mu": inside}
    return view, said


def opening(page: str) -> tuple[dict[str, float], list[str]]:
    """The gate that the link describes, or that the page showed last, and what of it does not go together."""
    key, linked = f"{page}-view", state.from_link(page)
    last = st.session_state.get(key, {name: field.default for name, field in state.fields(page).items()})
    view, complaints = fitted({**last, **linked}, page)
    if key in st.session_state and not linked:
        # Back from another page, whose address says nothing of this one.
        state.remember(page, view)
    st.session_state[key] = view
    return view, complaints


def typed(page: str) -> None:
    """A number of the page was changed: the link says so."""
    state.remember(page, {name: st.session_state[f"{page}-{name}"] for name in state.fields(page)})
