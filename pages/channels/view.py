"""What page Channels shows of a run: layer, order, epoch, unit. It lives in the link; bad values are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.shared import state
from sbp.pruning import edits
from sbp.pruning.masks import is_kept
from sbp.spec.layout import Group
from sbp.viz import labels
from sbp.viz.heatmap import ORDER_TITLES
from sbp.viz.tables import RunTables

PAGE = "channels"
PLAYER = "channels-player"


@dataclass(frozen=True)
class View:
    """layer: which one; order: how its units are sorted; epoch: None means the newest; unit: -1 means none.

    shown: the unit that the panels below are about, the marked one or, by default, the one kept longest.
    """

    layer: Group
    index: int
    order: str
    epoch: int | None
    unit: int
    shown: int


def read(found: RunTables) -> tuple[View, list[str]]:
    """The view that the link asks for, and a sentence for each part of it that this run does not have."""
    link, complaints = state.from_link(PAGE), state.complaints(PAGE)
    names = [layer.name for layer in found.layers]
    name = link.get("layer", _first(found))
    if name not in names:
        complaints.append(
            f"This run has no layer {name[:24]!r}, only {labels.join(names)}. Shown instead: {_first(found)}."
        )
        name = _first(found)
    layer = found.layer(name)
    epoch, unit = link.get("epoch"), link.get("unit", -1)
    if epoch is not None and epoch > found.newest:
        complaints.append(f"This run has no epoch {epoch} yet. Shown instead: the newest, {found.newest}.")
        epoch = None
    if unit >= layer.units:
        complaints.append(
            f"{labels.layer_title(layer)} has no {layer.kind} {unit}; they are numbered from 0 to {layer.units - 1}."
        )
        unit = -1
    complaints += edits.read(link.get("hand", ""), found.layers)[1]
    shown = unit if unit >= 0 else int(found.order(layer.name)[0])
    return View(layer, names.index(name), link.get("sort", "death"), epoch, unit, shown), complaints


def controls(found: RunTables, view: View) -> None:
    """Layer and order; what is chosen goes into the link, and the unit that was marked is let go with its layer."""
    names = [layer.name for layer in found.layers]
    st.session_state["layer-choice"], st.session_state["sort-choice"] = view.layer.name, view.order
    common: dict[str, Any] = {
        "options": names,
        "format_func": lambda name: labels.layer_title(found.layer(name)),
        "key": "layer-choice",
        "label_visibility": "collapsed",
        "on_change": _layer_changed,
    }
    if len(names) <= labels.MANY:
        st.segmented_control("Layer", required=True, **common)
    else:
        st.selectbox("Layer", width=150, **common)
    st.selectbox(
        "Sort",
        list(ORDER_TITLES),
        format_func=lambda order: f"Sorted {ORDER_TITLES[order]}",
        key="sort-choice",
        label_visibility="collapsed",
        on_change=_sort_changed,
        width=210,
    )


def picks(found: RunTables, view: View) -> None:
    """Three units to begin with, and a box for any; what is chosen is marked in the player."""
    name, row = view.layer.name, found.index(view.epoch)
    snr = found.snr[name][row] if len(found.epochs) else np.zeros(view.layer.units)
    order = found.order(name)
    kept = is_kept(snr)
    nearest = int(np.argmin(np.where(kept, snr, np.inf))) if kept.any() else int(order[0])
    st.session_state["unit-choice"] = view.shown
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="unit-picks"):
        st.number_input(
            view.layer.kind.capitalize(),
            0,
            view.layer.units - 1,
            key="unit-choice",
            on_change=_unit_typed,
            width=150,
            label_visibility="collapsed",
            help=f"Number of the {view.layer.kind}",
        )
        for key, label, unit in (
            ("pick-last", "Kept longest", int(order[0])),
            ("pick-next", "Nearest to SNR = 1", nearest),
            ("pick-first", "First pruned", int(np.argmin(found.death[name]))),
        ):
            st.button(label, key=key, type="tertiary", on_click=_put, args=("unit", unit))


def epoch_changed() -> None:
    """The player's clock was moved by hand."""
    _put("epoch", _told("epoch"))


def unit_changed() -> None:
    """A unit was clicked, or let go."""
    _put("unit", _told("unit"))


def _unit_typed() -> None:
    _put("unit", int(st.session_state["unit-choice"]))


def _told(name: str) -> int:
    value = (st.session_state.get(PLAYER) or {}).get(name)
    return int(value) if isinstance(value, (int, float)) else -1


def _put(name: str, value: int) -> None:
    if value >= 0:
        st.query_params[name] = str(value)
    else:
        st.query_params.pop(name, None)


def _layer_changed() -> None:
    st.query_params["layer"] = st.session_state["layer-choice"]
    st.query_params.pop("unit", None)


def _sort_changed() -> None:
    st.query_params["sort"] = st.session_state["sort-choice"]


def _first(found: RunTables) -> str:
    """The layer to begin with: the first that is not an image, since its units can be sorted."""
    return next((layer.name for layer in found.layers if len(layer.shape) == 1), found.layers[0].name)
