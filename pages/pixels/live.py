"""The body of page Pixels: follows a run while it trains."""

from __future__ import annotations

import streamlit as st

from pages.pixels import view as pixels_view
from pages.pixels.component import pixels
from pages.shared import film, frame, run_picker
from pages.shared.follow import follow
from sbp.runs import store
from sbp.runs.attributions import PIXELS
from sbp.runs.store import RunView
from sbp.spec.images import by
from sbp.viz import labels, pixel_film
from sbp.viz.tables import tables

POLL_SECONDS = 2.0


def show(run_id: str) -> None:
    """Shows a run's pixels; polls only while it trains."""
    follow(run_id, _body, POLL_SECONDS)


def _body(run: RunView, _polling: bool) -> None:
    if run.config.tracked:
        _no_images(run)
        return
    if not draws(run):
        _no_pixel_layer(run)
        return
    shown, fallback = pixels_view.pictures_of(run.config.data.dataset, run.description.image)
    view, complaints = pixels_view.read(tables(run), shown)
    frame.notices(complaints)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-line"):
        run_picker.line(run, film.followable)
    if pixel_film.layer_of(run.layers).kind != "pixel":
        _no_pixel_noise(run)
    if fallback:
        st.info(fallback, icon=":material/image_search:")
    pixels(run, shown, view, pixels_view.changed)


def _no_pixel_noise(run: RunView) -> None:
    """What such a network shows instead, and where pixels are to be seen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-other"):
        layer = pixel_film.layer_of(run.layers)
        of = labels.layer_name(layer.parent or layer.name)
        side = " × ".join(map(str, layer.shape[1:]))
        shown = f"the {labels.units_of(layer)} of {of}"
        if layer.parent:
            shown = f"{of}’s features, a small {side} map a channel"
        st.markdown(
            f"This network has noise on channels and features, not on pixels: the map shows {shown}.", width="content"
        )
        _elsewhere()


def _no_pixel_layer(run: RunView) -> None:
    """For a network of other images than those that can be drawn here: said at once, with the way on."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-line"):
        run_picker.line(run, film.followable)
    spec = run.description
    st.info(
        f"{spec.title} has no layer of pixels: it reads {labels.DATASET[run.config.data.dataset]}’s images of "
        f"{by(spec.image)}, and its noise begins at the channels of its first convolution. They are on the page "
        "Channels.",
        icon=":material/grid_on:",
    )
    with st.container(horizontal=True, gap="small", key="pixels-other"):
        st.page_link("channels/page.py", label="Its channels", icon=":material/grid_on:", query_params={"run": run.id})
        _elsewhere()


def _no_images(run: RunView) -> None:
    """For a run of somebody's own training loop: neither its images nor its weights are here."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pixels-line"):
        run_picker.line(run, film.followable)
    st.info(
        "A run of somebody’s own training loop (sbp.track) has neither images nor weights, so there is no picture to "
        "lay its noise over. All its units are on the page Channels.",
        icon=":material/grid_on:",
    )
    with st.container(horizontal=True, gap="small", key="pixels-other"):
        st.page_link("channels/page.py", label="Its units", icon=":material/grid_on:", query_params={"run": run.id})
        _elsewhere()


def _elsewhere() -> None:
    runs = (run for run in store.newest_runs() if film.has_film(run) and not run.config.tracked)
    other = next((run for run in runs if _has_pixels(run)), None)
    if other:
        title = other.description.title
        label = f"{'The recorded' if other.recorded else 'A'} {title}, with noise on pixels"
        st.page_link("pixels/page.py", label=label, icon=":material/apps:", query_params={"run": other.id})


def draws(run: RunView) -> bool:
    """Whether there are places of an image to draw: noise on the pixels, or a network that reads grey images."""
    if run.config.tracked:
        return False
    return _has_pixels(run) or run.description.image[0] == 1


def explains(run: RunView) -> bool:
    """Whether gradients of its pixels can be computed: of grey images as large as MNIST's (sbp.runs.attributions)."""
    image = run.description.image
    return draws(run) and image[0] * image[1] * image[2] == PIXELS


def _has_pixels(run: RunView) -> bool:
    return pixel_film.layer_of(run.layers).kind == "pixel"
