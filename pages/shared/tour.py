"""The tour: eight cards, each on a page of the app in a state of its own; they stand in assets/tour.json."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from pydantic import BaseModel, ConfigDict, TypeAdapter

from pages.shared import state


class Card(BaseModel):
    """page: its folder's name. view: the parameters of its link."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str
    view: dict[str, str | int | float] = {}
    title: str
    text: str


CARDS = TypeAdapter(list[Card]).validate_json((Path(__file__).parents[2] / "assets" / "tour.json").read_bytes())


def show() -> None:
    """The card that the link names, above its page; nothing where it names none."""
    number = state.from_link("tour").get("tour")
    if number is None:
        return
    card = CARDS[number - 1]
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="tour"):
        st.markdown(f"**{card.title}** :gray[{number} of {len(CARDS)}]  \n{card.text}", width="stretch")
        if number > 1:
            link(number - 1, "Back", ":material/arrow_back:")
        if number < len(CARDS):
            link(number + 1, "Next", ":material/arrow_forward:")
        st.button("Leave the tour", type="tertiary", key="tour-leave", on_click=state.put, args=("tour", None))


def link(number: int, label: str, icon: str) -> None:
    """A link to a card, counted from 1."""
    card = CARDS[number - 1]
    view = {name: str(value) for name, value in {**card.view, "tour": number}.items()}
    st.page_link(f"{card.page}/page.py", label=label, icon=icon, query_params=view)
