"""The body of page Pixels: follows a run while it trains."""

from __future__ import annotations

import streamlit as st

from pages.parts import frame, pixels_view, replay, run_picker
from pages.parts.following import follow
from pages.parts.pixels import pixels
from sbp.images import by
from sbp.networks.specs import SPECS
from sbp.runs import store
from sbp.runs.store import RunView
from sbp.viz import pixel_film, words
from sbp.viz.tables import tables

POLL_SECONDS = 2.0


def show(run_id: str) -> None:
    """Shows a run's pixels; polls only while it trains."""
    follow(run_id, _body, POLL_SECONDS)


def _body(run: RunView, _polling: bool) -> None:
    if not draws(run):
        _no_pixel_layer(run)
        return
    shown, fallback = pixels_view.pictures_of(run.config.data.dataset)
    view, complaints = pixels_view.read(tables(run), shown)
    frame.notices(complaints)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-line"):
        run_picker.chooser(run.id, replay.has_film)
        run_picker.badge(run)
    if pixel_film.layer_of(run.layers).kind != "pixel":
        _no_pixel_noise(run)
    if fallback:
        st.info(fallback, icon=":material/image_search:")
    pixels(run, shown, view, pixels_view.changed)


def _no_pixel_noise(run: RunView) -> None:
    """What such a network shows instead, and where pixels are to be seen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-other"):
        st.markdown(
            "This network has noise on channels and features, not on pixels: the map shows its conv 2 features, "
            "a small 4 × 4 map a channel.",
            width="content",
        )
        _elsewhere()


def _no_pixel_layer(run: RunView) -> None:
    """For a network of other images than those that can be drawn here: said at once, with the way on."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-line"):
        run_picker.chooser(run.id, replay.has_film)
        run_picker.badge(run)
    spec = SPECS[run.config.network.name]
    st.info(
        f"{spec.title} has no layer of pixels: it reads {words.DATASET[run.config.data.dataset]}’s images of "
        f"{by(spec.image)}, and its noise begins at the channels of its first convolution. They are on the page "
        "Channels.",
        icon=":material/grid_on:",
    )
    with st.container(horizontal=True, gap="small", key="pixels-other"):
        st.page_link("channels.py", label="Its channels", icon=":material/grid_on:", query_params={"run": run.id})
        _elsewhere()


def _elsewhere() -> None:
    other = next((r for r in store.list_runs() if replay.has_film(r) and _has_pixels(r)), None)
    if other:
        label = f"{'The recorded' if other.recorded else 'A'} LeNet-500-300, with noise on pixels"
        st.page_link("pixels.py", label=label, icon=":material/apps:", query_params={"run": other.id})


def draws(run: RunView) -> bool:
    """Whether the run's network reads grey images of 28 x 28, which this page draws and computes."""
    return SPECS[run.config.network.name].image == (1, 28, 28)


def _has_pixels(run: RunView) -> bool:
    return draws(run) and pixel_film.layer_of(run.layers).kind == "pixel"
