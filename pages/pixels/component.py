"""The component of page Pixels: a digit, the SNR map, the kept pixels, and two networks' predictions, in the browser.

Two parts. The store takes what is large (weights, film, class means) as bytes, once; the pictures take the view and a
sheet of test images and are passed again with every choice. What is computed while a hand draws is JavaScript alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import streamlit as st
from safetensors.numpy import save

from pages.shared import run_picker
from pages.shared.assets import bundle, read
from pages.shared.player import BAR_CSS, with_bar
from sbp.data.pictures import Pictures
from sbp.export import browser
from sbp.runs.store import RunView
from sbp.viz import palette, pixel_film
from sbp.viz.tables import tables

FOLDER = "pixels/js"
KEY = "pixels-view"
SHEET = 100  # test images sent at a time
# What a drawing is made like: the box that a digit fills, how wide the brush is (times its own setting) and how many
# pixels its edge fades over. scikit-learn's digits fill all of their 8 x 8, which are 28 x 28 here.
PENS = {"digits": {"box": 28, "wide": 2.0, "soft": 3.5}}
MNIST_PEN = {"box": 20, "wide": 1.0, "soft": 0.9}

_STORE = st.components.v2.component("sbp_pixel_weights", js=read(f"{FOLDER}/weights_store.js"))
_PIXELS = st.components.v2.component(
    "sbp_pixels",
    html=with_bar(f"{FOLDER}/pixels.html"),
    css=BAR_CSS + read("shared/js/cell_cursor.css") + read(f"{FOLDER}/pixels.css"),
    js=bundle(f"{FOLDER}/pixels.js"),
)


@st.cache_data(max_entries=4, show_spinner=False)
def packed(stamp: str, known: str, _run: RunView, _pictures: Pictures) -> tuple[bytes, str]:
    """All that the browser needs of a run as one safetensors file, and a sentence when its weights are of no use.

    stamp: changes with the run's data; known: the data set whose means and ever-lit pixels go along, or empty.
    """
    arrays, film = pixel_film.pack(tables(_run), _run.config)
    meta = {"stamp": f"{stamp} {known}", "film": json.dumps(film)}
    missing = f"{no_weights(_run)} So there are no predictions."
    description = _run.description
    if why := browser.why_not(description):
        missing = f"{description.title} is not computed in a browser: {why}. Page Channels computes it."
    elif _run.model_path:
        try:
            more, network = browser.pack(_run.config, browser.read_weights(_run.model_path))
            arrays |= more
            meta["network"] = json.dumps(network)
            missing = ""
        except ValueError as error:
            missing = f"This run's weights cannot be used: {error}"
    arrays["means"] = _pictures.means
    if known:
        arrays["lit"] = _pictures.lit.astype("uint8").ravel()
    return save(arrays, metadata=meta), missing


def no_weights(run: RunView) -> str:
    """Why a run has no weights: it trains and has saved none, or it is over and none were kept."""
    if run_picker.trains(run):
        return "This run has no weights yet: they are saved while it trains."
    return f"This run was {'recorded' if run.recorded else 'left'} without its weights."


def weights_of(run: RunView) -> str:
    """Which epoch a run's only weights are of."""
    return "with the weights stored last" if run_picker.trains(run) else f"at the last epoch, {tables(run).newest}"


def pixels(run: RunView, pictures: Pictures, view: dict[str, Any], on_view: Callable[[], None]) -> None:
    """Shows the figure; st.session_state[KEY]["view"] is where it was left."""
    # Which pixels are never lit is known only of the images that the run was trained on.
    known = pictures.name if pictures.name == run.config.data.dataset else ""
    blob, missing = packed(repr(run.data_stamp), known, run, pictures)
    start = view["digit"] // SHEET * SHEET
    data = {
        "stamp": f"{run.data_stamp!r} {known}",
        "view": view,
        "missing": missing,
        "weights": weights_of(run),
        "sheet": {
            "start": start,
            "images": pixel_film.sheet(pictures.test_images[start : start + SHEET]),
            "labels": pictures.test_labels[start : start + SHEET].tolist(),
        },
        "image": list(run.description.image),
        "count": len(pictures.test_labels),
        "classes": pictures.classes,
        "nTrain": pictures.n_train,
        "pen": PENS.get(run.config.data.dataset, MNIST_PEN),
        "colours": {
            name: {"kept": theme.kept, "pruned": theme.pruned, "reference": theme.reference}
            for name, theme in (("light", palette.theme()), ("dark", palette.theme(dark=True)))
        },
    }
    _PIXELS(key=KEY, data=data, on_view_change=on_view)
    _STORE(key="pixels-weights", data=blob)
