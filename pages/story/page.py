"""Story: a recorded run plays by itself; three doors lead on."""

import streamlit as st

from pages.shared import clock, film, frame, tour
from pages.shared.outside import md
from pages.shared.player import panel, player
from sbp.runs import store
from sbp.viz import labels
from sbp.viz.tables import tables

frame.header("A network that learns what it can do without", "One minute, no click.", "unit", "theta", "SNR", "MACs")

run = film.for_story(store.newest_runs())
if run is None:
    st.info(
        "There is no run to play yet, not even a recorded one: start one on the page Train and it plays here.",
        icon=":material/movie:",
    )
else:
    st.markdown(
        "Every unit is multiplied by noise of its own. Training widens the noise wherever the data do not object; "
        "a unit whose signal-to-noise ratio (**SNR**, the mean of its noise over its standard deviation) falls "
        "**below 1** carries no information any more, and dies."
    )
    now, said = clock.read("story", run.id, tables(run).newest)
    frame.notices(said)
    player(
        run,
        "story",
        [panel("network"), panel("cells", layer=film.picture_layer(run)), panel("trajectories")],
        key="story",
        now=now,
        play=True,
        loop=True,
        seconds=16,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(md(film.caption(run, labels.run_title(run))), width="stretch")
        film.html_button(run, "story-html")

doors = st.columns(3, gap="medium")
DOORS = (
    ("gate/page.py", "One gate", ":material/tune:", "Play with the noise of a single unit to see what SNR < 1 means."),
    (
        "train/page.py",
        "Train",
        ":material/model_training:",
        "Start a network in the background and watch its units die.",
    ),
    ("channels/page.py", "Channels", ":material/grid_on:", "See which units die, and when, layer by layer."),
)
for place, (page, title, icon, promise) in zip(doors, DOORS, strict=True):
    with place.container(border=True, height="stretch", gap="xsmall", key=f"door-{page[:-3]}"):
        link = {"run": run.id} if run and title == "Channels" else None  # what was watched, at the epoch where it stood
        st.page_link(page, label=f"**{title}**", icon=icon, width="stretch", query_params=link)
        st.markdown(f":gray[{promise}]")
with st.container(horizontal=True, gap="medium"):
    tour.link(1, f"Take the tour, {len(tour.CARDS)} cards", ":material/tour:")
    st.page_link("talk/page.py", label="Give it as a talk", icon=":material/co_present:")
