"""Talk: decks for a projector, one idea a slide, each with a live figure of the app."""

import streamlit as st

from pages.shared import frame, state
from pages.shared.outside import md
from pages.talk import deck as decks
from pages.talk.component import talk

PAGE = "talk"
KEYS = (
    "→ or Page Down turns on, ← or Page Up back; F fills the screen, B turns it black, N shows the note, R shows the "
    "recording behind what is live, Esc ends the talk. A clicker sends the same keys. Where a slide asks something, "
    "the next → shows the figure. All of it runs without a network."
)

frame.header("Talk", "One idea a slide, for a projector.")
shown: dict[str, decks.Deck] = {}
for name in decks.names():
    try:
        shown[name] = decks.read(name)
    except ValueError as error:
        st.error(md(str(error)), icon=":material/error:")
complaints: list[str] = []
wanted = state.fit(PAGE, "deck", state.one_of(*shown), "the list of talks", complaints)
last = len(shown[wanted].slides) if wanted else 1
slide = state.fit(PAGE, "slide", state.whole(1, last), "the first", complaints) if wanted else 1
frame.notices(complaints)
for name, deck in shown.items():
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"talk-{name}"):
        said = f"**{md(deck.title)}**  \n{len(deck.slides)} slides, about {deck.minutes} minutes"
        st.markdown(said, width="stretch")
        st.button(
            "Start", icon=":material/co_present:", key=f"talk-start-{name}", on_click=state.put, args=("deck", name)
        )
st.markdown(KEYS)
if wanted:
    talk(
        shown[wanted],
        (slide or 1) - 1,
        on_slide=lambda: state.put("slide", (state.told("talk", "slide") or 0) + 1),
        on_end=lambda: state.put("deck", None, "slide"),
    )
