"""One unit of page Channels in full: its noise through time, its path, its weights, and what it says of a digit.

All of it is a fragment of its own: a click in here leaves the player as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from pages.parts import channels_hand as hand
from pages.parts import channels_weights as weights
from pages.parts import state
from pages.parts.channels_view import PAGE, View
from pages.parts.figures import figure
from pages.parts.theme import is_dark
from sbp.data import DataError
from sbp.networks import ends, plain
from sbp.networks.plain import PlainNetwork
from sbp.pruning import by_hand
from sbp.pruning.masks import Masks
from sbp.runs.store import RunView
from sbp.viz import bars, density, filters, snr_map, tiles, words
from sbp.viz.tables import RunTables

# Pixels across of the digit and of a map, by what a unit is.
_SIZE = {"pixel": 260, "neuron": 104, "channel": 120, "feature": 120}


def show(run: RunView, found: RunTables, view: View) -> None:
    """The panels of the unit shown; those that need weights say so in one line where there are none."""
    dark = is_dark()
    net, missing, stamp = weights.network(run)
    if net is None:
        _noise(run, found, view, dark)
        st.info(missing, icon=":material/hourglass_empty:")
        return
    edits = by_hand.read(state.from_link(PAGE).get("hand", ""), run.layers)[0]
    masks = by_hand.apply(net.own_masks, edits, run.layers)
    epoch = weights.epoch_of(net, found)
    saved = "its last good epoch" if epoch is None else f"epoch {epoch}"
    hand.show(run, view, net, stamp, edits, masks, saved)
    _noise(run, found, view, dark)
    _weights(run, view, net, masks, dark)
    if view.layer.name in ("conv1", "conv2"):
        _filters(view, net, masks, dark)


def _noise(run: RunView, found: RunTables, view: View, dark: bool) -> None:
    name, unit, ends_of = view.layer.name, view.shown, (run.config.noise.log_low, run.config.noise.log_high)
    what = f"{view.layer.kind} {unit}"
    of = run.data_stamp, name, unit, view.epoch, dark
    left, right = st.columns(2, gap="medium")
    with left:
        space = density.SPACES[state.from_link(PAGE).get("density", "log") == "theta"]

        def ridge(dark: bool = False) -> Any:
            return density.chart(found, name, unit, view.epoch, *ends_of, space, dark, height=380)

        figure(
            f"Density of {what}", lambda: ridge(dark), key="unit-density", light=ridge,
            control=lambda: _axis(space), of=(of, space),
        )  # fmt: skip
    with right:

        def path(dark: bool = False) -> Any:
            return snr_map.chart(found, name, unit, view.epoch, *ends_of, dark, height=380)

        figure(f"Path of {what} over the SNR", lambda: path(dark), key="unit-path", light=path, of=of)


def _axis(space: str) -> None:
    st.session_state["density-choice"] = space
    st.segmented_control(
        "Axis", density.SPACES, key="density-choice", required=True, on_change=_density_changed,
        label_visibility="collapsed",
    )  # fmt: skip


def _weights(run: RunView, view: View, net: PlainNetwork, masks: Masks, dark: bool) -> None:
    pixel = view.layer.kind == "pixel"  # nothing comes in but the image
    *left, middle, right = st.columns(2 if pixel else 3, gap="medium")
    if left:
        with left[0]:
            _incoming(run, view, net, masks, dark)
    with middle:
        _bars("Outgoing weights", ends.outgoing(net, view.layer.name, view.shown, masks), run, "unit-out", dark)
    with right:
        _digit(run, view, net, masks, dark)


def _incoming(run: RunView, view: View, net: PlainNetwork, masks: Masks, dark: bool) -> None:
    layer, unit = view.layer, view.shown
    into = ends.incoming(net, layer.name, unit, masks)
    if into is not None and into.layer != "input":
        _bars("Incoming weights", into, run, "unit-in", dark)
        return
    if into is not None:
        st.markdown("**Incoming weights, pixel by pixel**")
        values, keep = into.values.reshape(28, 28), into.keep.reshape(28, 28)
        picture = filters.image(values, keep, unit, dark)
        st.html(tiles.page([picture], filters.IMAGE_SIZE, dark, label="Incoming weights"))
        st.caption(filters.describe_image(into.values, into.keep))
    else:
        own = ends.filters(net, layer.name, unit)
        keep = masks["conv1"] if layer.name != "conv1" else np.ones(1, dtype=bool)
        st.markdown("**Its filter**" if len(own) == 1 else "**Its filters over the kept channels of Conv 1**")
        pictures = filters.of_channel(own, keep, dark)
        if pictures:
            st.html(
                tiles.page(pictures, 200 if len(own) == 1 else 120 if len(pictures) <= 6 else 84, dark, label="Filters")
            )
        st.caption(filters.describe_channel(own, keep))


def _bars(title: str, at: ends.Ends, run: RunView, key: str, dark: bool) -> None:
    names = [str(digit) for digit in range(len(at.values))] if at.layer == ends.OUTPUT else None

    def made(dark: bool = False) -> Any:
        return bars.weights(at.values, at.keep, weights.other_end(run, at.layer), at.what, dark, names)

    figure(f"{title}: {weights.other_end(run, at.layer)}", made(dark), key=key, light=made)


def _digit(run: RunView, view: View, net: PlainNetwork, masks: Masks, dark: bool) -> None:
    layer, unit = view.layer, view.shown
    try:
        images, labels = weights.digits_of(run)
    except DataError as error:
        st.markdown("**On a test digit**")
        st.caption(str(error))
        return
    index = state.from_link(PAGE).get("digit", 0)
    beyond = index >= len(labels)
    st.session_state["digit-choice"] = index = 0 if beyond else index
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**On test digit**", width="content")
        st.number_input(
            "Test digit", 0, len(labels) - 1, key="digit-choice", on_change=_digit_changed, width=140,
            label_visibility="collapsed",
        )  # fmt: skip
    if beyond:
        st.caption(f"The test set has {len(labels):,} digits, numbered from 0. Shown instead: 0.")
    said = plain.trace(net, images[index].astype(np.float32) / 255, masks)
    guess = f"Test digit {index}, a {int(labels[index])}, is taken for a {int(said['logits'].argmax())}."
    pictures = filters.on_digit(images[index], said, layer, unit, dark)
    st.html(tiles.page(pictures, _SIZE[layer.kind], dark, label="The digit and what the unit makes of it"))
    passed = net.theta[layer.name] * masks[layer.name]
    if layer.kind == "neuron":

        def made(dark: bool = False) -> Any:
            values = said[layer.name] * passed
            return bars.ranked(values, masks[layer.name], unit, layer.kind, words.units_of(layer), dark, height=230)

        figure(f"{words.layer_title(layer)} on it", made(dark), key="unit-says", light=made)
        st.caption(guess)
    else:
        st.caption(f"{filters.describe_on_digit(said, layer, unit, float(passed[unit]))} {guess}")


def _filters(view: View, net: PlainNetwork, masks: Masks, dark: bool) -> None:
    name = view.layer.name
    st.markdown(f"**All filters of {words.layer_title(view.layer)}, with their SNR**")
    own = net.weights[f"{name}.weight"]
    keep = None if name == "conv1" else masks["conv1"]
    pictures = filters.of_layer(own, net.snr[name], masks[name], net.own_masks[name], keep, view.shown, dark)
    st.html(tiles.page(pictures, 84, dark, label=f"Filters of {words.layer_title(view.layer)}"))
    st.caption(filters.describe_layer(view.layer, own, net.snr[name], masks[name], keep))


def _density_changed() -> None:
    st.query_params["density"] = "theta" if st.session_state["density-choice"] == "theta" else "log"


def _digit_changed() -> None:
    st.query_params["digit"] = str(int(st.session_state["digit-choice"]))
