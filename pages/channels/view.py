"""What page Channels shows of a run: layer, order, epoch, unit. It lives in the link; bad values are said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from pages.shared import clock, state
from pages.shared.clock import Clock
from pages.shared.outside import md
from sbp.pruning import edits
from sbp.pruning.connections import makers
from sbp.pruning.masks import is_kept
from sbp.spec.layout import Group
from sbp.viz import labels
from sbp.viz.heatmap import ORDER_TITLES
from sbp.viz.tables import RunTables

PAGE = "channels"
PLAYER = "channels-player"


@dataclass(frozen=True)
class View:
    """layer: which one; order: how its units are sorted; clock: the epoch shown; unit: -1 means none.

    shown: the unit that the panels below are about, the marked one or, by default, the one kept longest.
    """

    layer: Group
    index: int
    order: str
    clock: Clock
    unit: int
    shown: int

    @property
    def epoch(self) -> float | None:
        """The epoch shown; None means the newest."""
        return self.clock.epoch


def read(found: RunTables) -> tuple[View, list[str]]:
    """The view that the link asks for, and a sentence for each part of it that this run does not have."""
    link, first = state.from_link(PAGE), _first(found)
    names = [layer.name for layer in found.layers]
    now, complaints = clock.read(PAGE, found.run, found.newest)
    layer = found.layer(state.fit(PAGE, "layer", state.one_of(*names), first, complaints) or first)
    unit = state.fit(PAGE, "unit", state.whole(0, layer.units - 1), "none", complaints)
    unit = -1 if unit is None else unit
    complaints += map(md, edits.read(link.get("hand", ""), found.layers)[1])
    shown = unit if unit >= 0 else int(found.order(layer.name)[0])
    return View(layer, names.index(layer.name), link.get("sort", "death"), now, unit, shown), complaints


def others(found: RunTables, view: View) -> None:
    """The layers that lose this group's units together with the layer that it is named after; nothing without any."""
    names = [labels.layer_name(layer.name) for layer in makers(found.description, view.layer.name)]
    if len(names) < 2:
        return
    first, rest = names[0], names[1:]
    said = rest if len(rest) <= labels.MANY else [*rest[: labels.MANY - 1], f"{len(rest) - labels.MANY + 1} more"]
    st.caption(
        f"The group has the name of its first layer, {first}: a {view.layer.kind} that is removed from it leaves "
        f"{labels.join(said)} as well.",
        help=labels.join(rest) if said is not rest else None,
    )


def controls(found: RunTables, view: View) -> None:
    """Layer and order; what is chosen goes into the link, and the unit that was marked is let go with its layer."""
    names = [layer.name for layer in found.layers]
    layer: dict[str, Any] = {
        "format_func": lambda name: labels.layer_title(found.layer(name)),
        "key": "layer-choice",
        "on_change": state.put_choice,
        "args": ("layer", "layer-choice", "unit"),
    }
    if len(names) <= labels.MANY:
        state.choice("Layer", names, view.layer.name, **layer)
    else:
        st.session_state["layer-choice"] = view.layer.name
        st.selectbox("Layer", names, width=150, label_visibility="collapsed", **layer)
    st.session_state["sort-choice"] = view.order
    st.selectbox(
        "Sort",
        list(ORDER_TITLES),
        format_func=lambda order: f"Sorted {ORDER_TITLES[order]}",
        key="sort-choice",
        label_visibility="collapsed",
        on_change=state.put_choice,
        args=("sort", "sort-choice"),
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
            on_change=state.put_choice,
            args=("unit", "unit-choice"),
            width=150,
            label_visibility="collapsed",
            help=f"Number of the {view.layer.kind}",
        )
        for key, label, unit in (
            ("pick-last", "Kept longest", int(order[0])),
            ("pick-next", "Nearest to SNR = 1", nearest),
            ("pick-first", "First pruned", int(np.argmin(found.death[name]))),
        ):
            st.button(label, key=key, type="tertiary", on_click=state.put, args=("unit", unit))


def layer_changed(names: list[str]) -> None:
    """A group was clicked in the strip of all of them."""
    at = state.told(PLAYER, "layer")
    if at is not None:
        state.put("layer", names[at], "unit")


def unit_changed() -> None:
    """A unit was clicked, or let go."""
    state.put("unit", state.told(PLAYER, "unit"))


def _first(found: RunTables) -> str:
    """The layer to begin with: the first that is not an image, since its units can be sorted."""
    return next((layer.name for layer in found.layers if len(layer.shape) == 1), found.layers[0].name)
