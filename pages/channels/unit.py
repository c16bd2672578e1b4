"""One unit of page Channels in full: its noise through time, its path, its weights, and its output for an image.

All of it is a fragment of its own: a click in here leaves the player as it is.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import streamlit as st

from pages.channels import edits as hand
from pages.channels import weights
from pages.channels.view import PAGE, View
from pages.shared import frame, state
from pages.shared.figures import figure, titled
from pages.shared.outside import md
from pages.shared.theme import is_dark
from sbp.data.datasets import DataError
from sbp.export.computed import ComputedNetwork
from sbp.pruning import connections
from sbp.pruning import edits as by_hand
from sbp.pruning.masks import Masks
from sbp.runs.store import RunView
from sbp.spec.images import as_read
from sbp.viz import bars, density, filters, snr_map, tiles
from sbp.viz import labels as words
from sbp.viz.tables import RunTables

# Pixels across of the image and of a map, by what a unit is.
_SIZE = {"pixel": 260, "neuron": 104, "channel": 120, "feature": 120}


def show(run: RunView, found: RunTables, view: View) -> None:
    """The panels of the unit shown; without weights one line says which are missing."""
    dark = is_dark()
    net, missing, stamp = weights.network(run)
    if net is None:
        _noise(run, found, view)
        st.info(missing, icon=":material/hourglass_empty:")
        return
    edits = by_hand.read(state.from_link(PAGE).get("hand", ""), run.layers)[0]
    masks = by_hand.apply(net.own_masks, edits, run.layers)
    epoch = weights.epoch_of(net, found)
    saved = "its last good epoch" if epoch is None else f"epoch {epoch}"
    note = weights.note_of(net, found, view.epoch)
    hand.show(run, view, net, stamp, edits, masks, saved, note)
    _noise(run, found, view)
    _weights(run, view, net, masks, dark, note)
    own = connections.filters(net.description, net.weights, view.layer.name, 0)
    if view.layer.kind == "channel" and own is not None:
        _filters(view, net, masks, dark, note)


def _noise(run: RunView, found: RunTables, view: View) -> None:
    name, unit, ends_of = view.layer.name, view.shown, (run.config.noise.log_low, run.config.noise.log_high)
    what = f"{view.layer.kind} {unit}"
    of = run.data_stamp, name, unit, view.epoch
    left, right = st.columns(2, gap="medium")
    with left:
        space = density.SPACES[state.from_link(PAGE).get("density", "log") == "theta"]
        ridge = partial(density.chart, found, name, unit, view.epoch, *ends_of, space)
        figure(f"Density of {what}", ridge, key="unit-density", control=lambda: _axis(space), of=(of, space), run=run)
    with right:
        path = partial(snr_map.chart, found, name, unit, view.epoch, *ends_of)
        figure(f"Path of {what} over the SNR", path, key="unit-path", of=of, run=run)


def _axis(space: str) -> None:
    state.choice("Axis", density.SPACES, space, key="density-choice", on_change=_density_changed)


def _weights(run: RunView, view: View, net: ComputedNetwork, masks: Masks, dark: bool, note: str) -> None:
    pixel = view.layer.kind == "pixel"  # nothing comes in but the image
    out = connections.outgoing(net.description, net.weights, view.layer.name, view.shown, masks)
    columns = list(st.columns(3 - pixel - (out is None), gap="medium"))
    if not pixel:
        with columns.pop(0):
            _incoming(run, view, net, masks, dark, note)
    if out is not None:
        with columns.pop(0):
            _bars("Outgoing weights", out, run, net, "unit-out", note)
    with columns.pop(0):
        _image(run, view, net, masks, dark, note)


def _incoming(run: RunView, view: View, net: ComputedNetwork, masks: Masks, dark: bool, note: str) -> None:
    layer, unit = view.layer, view.shown
    into = connections.incoming(net.description, net.weights, layer.name, unit, masks)
    source = connections.group_named(net.description, into.group) if into is not None else None
    if into is not None and source is not None and source.kind == "pixel":
        st.markdown(titled("Incoming weights, pixel by pixel", note))
        limit, shape = filters.limit_of(net.weights[f"{into.layer}.weight"]), source.shape
        picture = filters.image(into.values.reshape(shape), into.keep.reshape(shape), unit, limit, dark)
        st.html(tiles.page([picture], filters.IMAGE_SIZE, dark, label="Incoming weights"))
        st.caption(filters.describe_image(into.values, into.keep, limit))
        return
    if into is not None:
        _bars("Incoming weights", into, run, net, "unit-in", note)
        return
    own = connections.filters(net.description, net.weights, layer.name, unit)
    made = connections.maker(net.description, layer.name)
    if own is None or made is None:
        st.markdown("**Incoming weights**")
        st.caption("Its weights do not form one row per unit of another layer, so they are not drawn.")
        return
    keep = connections.inputs_kept(net.description, made, masks)
    colours = keep is None and len(own) > 1
    read = words.join([words.layer_name(name) for name in made.reads])
    before = "the image’s colours" if colours else f"the kept channels of {read}"
    st.markdown(titled("Its filter" if len(own) == 1 else f"Its filters over {before}", note))
    kept = np.ones(len(own), bool) if keep is None else keep
    limit = filters.limit_of(net.weights[f"{made.name}.weight"])
    pictures = filters.of_channel(own, kept, limit, dark)
    if pictures:
        size = 200 if len(own) == 1 else 120 if len(pictures) <= 6 else 84
        st.html(tiles.page(pictures, size, dark, label="Filters"))
    st.caption(filters.describe_channel(own, kept, limit))


def _bars(title: str, at: connections.Connections, run: RunView, net: ComputedNetwork, key: str, note: str) -> None:
    layer = net.weights[f"{at.layer}.weight"]
    limit = filters.limit_of(layer) if at.what == "weight" else float(np.abs(layer).mean())
    names = [str(number) for number in range(len(at.values))] if at.group == connections.OUTPUT else None
    other = weights.other_end(run, at.group)
    made = partial(bars.weights, at.values, at.keep, other, at.what, names=names, limit=limit)
    figure(f"{title}: {other}", lambda dark: made(dark=dark), key=key, run=run, note=note)


def _image(run: RunView, view: View, net: ComputedNetwork, masks: Masks, dark: bool, note: str) -> None:
    layer, unit = view.layer, view.shown
    try:
        images, labels = weights.images_of(run)
    except DataError as error:
        st.markdown("**On a test image**")
        st.caption(md(str(error)))
        return
    wrong: list[str] = []
    index = state.fit(PAGE, "digit", state.whole(0, len(labels) - 1), "0", wrong) or 0
    st.session_state["digit-choice"] = index
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(titled("On test image", note), width="content")
        st.number_input(
            "Test image",
            0,
            len(labels) - 1,
            key="digit-choice",
            on_change=state.put_choice,
            args=("digit", "digit-choice"),
            width=140,
            label_visibility="collapsed",
        )
    frame.notices(wrong)
    try:
        said = net.trace(as_read(images[index : index + 1], run.config.data.dataset)[0], masks)
    except ValueError as error:
        st.caption(md(str(error)))
        return
    label, taken = (weights.class_of(run, int(c)) for c in (labels[index], said["logits"].argmax()))
    guess = f"Test image #{index} ({'an' if label[0] in 'aeiou8' else 'a'} {label}) is classified as {taken}."
    pictures = filters.on_image(images[index], said, layer, unit, dark)
    st.html(tiles.page(pictures, _SIZE[layer.kind], dark, label="The image and the unit's map of it"))
    passed = net.theta[layer.name] * masks[layer.name]
    if layer.kind == "neuron":
        values, kind = said[layer.name] * passed, words.units_of(layer)
        made = partial(bars.ranked, values, masks[layer.name], unit, layer.kind, kind)
        figure(f"{words.layer_title(layer)} on this image", made, key="unit-says", run=run, note=note)
        st.caption(guess)
    else:
        st.caption(f"{filters.describe_on_image(said, layer, unit, float(passed[unit]))} {guess}")


def _filters(view: View, net: ComputedNetwork, masks: Masks, dark: bool, note: str) -> None:
    name = view.layer.name
    made = connections.maker(net.description, name)
    assert made is not None
    own = net.weights[f"{made.name}.weight"]
    sharing = len(connections.makers(net.description, name))
    first = f" (of {made.name}, the first of {sharing} layers that share these units)" if sharing > 1 else ""
    st.markdown(titled(f"All filters of {words.layer_title(view.layer)}, with their SNR{first}", note))
    keep = connections.inputs_kept(net.description, made, masks)
    if own.shape[1] > 1 and keep is None:
        keep = np.ones(own.shape[1], bool)
    pictures = filters.of_layer(own, net.snr[name], masks[name], net.own_masks[name], keep, view.shown, dark)
    st.html(tiles.page(pictures, 84, dark, label=f"Filters of {words.layer_title(view.layer)}"))
    st.caption(filters.describe_layer(view.layer, own, net.snr[name], masks[name], keep))


def _density_changed() -> None:
    st.query_params["density"] = "theta" if st.session_state["density-choice"] == "theta" else "log"
