"""The player: pictures of one run on one clock, drawn in the browser. Play, pause, step, scrub, arrow keys.

It redraws by itself at the screen's own rate; Python is asked for nothing while it plays, and hears of the epoch, the
speed and the unit only once the hand has come to rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.shared import clock, standalone
from pages.shared.assets import bundle, read
from pages.shared.clock import Clock
from pages.shared.together import together
from sbp.runs.store import RunView
from sbp.viz import film, labels, named, twins
from sbp.viz.film_parts import cut
from sbp.viz.tables import tables

Parts = list[dict[str, Any]]  # of a film, as `cut` makes them
BAR_CSS = read("shared/player/bar.css")


def with_bar(path: str) -> str:
    """The HTML of a component, with the bar of a film in its place."""
    return read(path).replace("<bar></bar>", read("shared/player/bar.html"))


_HTML = with_bar("shared/player/player.html")
_CSS = BAR_CSS + read("shared/js/cell_cursor.css") + read("shared/player/player.css")
_JS = bundle("shared/player/player.js")
_PART = st.components.v2.component("sbp_film_part", js=read("shared/player/parts.js"))
_PLAYER = st.components.v2.component("sbp_player", html=_HTML, css=_CSS, js=_JS)


def panel(kind: str, area: str | None = None, layer: int | None = None) -> dict[str, Any]:
    """One picture: its kind (network, cells, trajectories, heatmap, groups, bound, error, kept, chart), its place, and
    the index of its layer, or of the chart that the film brings."""
    return {"kind": kind, "area": area or kind, "layer": layer}


@st.cache_data(max_entries=8, show_spinner=False)
def _packed_twins(stamp: Any, names: tuple[str, str], _runs: tuple[RunView, RunView]) -> Parts:
    return cut(twins.pack(twins.pair_of(_runs, names)))


def twins_player(
    runs: tuple[RunView, RunView],
    names: tuple[str, str],
    *,
    key: str,
    now: Clock,
    play: bool,
    live: bool,
) -> Any:
    """Two runs on one clock, the first with its network."""
    if live:
        both = ("twins", names, *(run.folder for run in runs))
        parts = together(both, lambda: cut(twins.pack(twins.pair_of(runs, names), live)))
    else:
        parts = _packed_twins(tuple(run.data_stamp for run in runs), names, runs)
    areas = ("accuracy", "terms", "kept")
    panels = [*(panel("chart", area, i) for i, area in enumerate(areas)), panel("network")]
    return _play(parts, "twins", panels, key=key, now=now, play=play)


@st.cache_data(max_entries=24, show_spinner=False)
def _packed(stamp: Any, order: str, focus: str | None, _run: RunView) -> Parts:
    return cut(film.pack(tables(_run), _run.config, order=order, focus=focus))


def _packed_live(run: RunView, order: str, focus: str | None, stands: float | None) -> Parts:
    return together(
        ("film", run.folder, order, focus, stands),
        lambda: cut(film.pack(tables(run), run.config, live=True, order=order, focus=focus, stands=stands)),
    )


def player(
    run: RunView,
    layout: str,
    panels: list[dict[str, Any]],
    *,
    now: Clock,
    live: bool = False,
    order: str = "death",
    focus: str | None = None,
    **how: Any,
) -> Any:
    """Shows the player; the result has `epoch` (-1: the newest, or the film plays), `speed` and `unit` (-1: none).

    layout: a class of player.css that names the places. now: where the clock stands. play: whether the film plays
    unasked. seconds: how long the whole run plays at speed 1. unit: which one is marked; None leaves that alone.
    """
    parts = _packed_live(run, order, focus, now.epoch) if live else _packed(run.data_stamp, order, focus, run)
    return _play(parts, layout, panels, now=now, **how)


def document(run: RunView, layout: str, panels: list[dict[str, Any]]) -> bytes:
    """The player of a run as an HTML file; it opens at the last epoch, and a press on Play starts at the first."""
    data = _data(film.pack(tables(run), run.config, live=False), layout, panels, Clock(run.id), marks=True)
    return standalone.document(labels.run_title(run), named.source(run), markup=_HTML, css=_CSS, js=_JS, data=data)


def _data(
    shown: dict[str, Any] | str,
    layout: str,
    panels: list[dict[str, Any]],
    now: Clock,
    *,
    play: bool = False,
    loop: bool = False,
    seconds: float = 14.0,
    unit: int | None = None,
    marks: bool = False,
) -> dict[str, Any]:
    data = {"film": shown, "layout": layout, "panels": panels, "play": play, "loop": loop, "seconds": seconds}
    return data | {"marks": marks, "epoch": now.epoch, "speed": now.speed, "unit": unit}


def _play(
    parts: Parts,
    layout: str,
    panels: list[dict[str, Any]],
    *,
    key: str,
    now: Clock,
    on_unit: Callable[[], None] | None = None,
    on_layer: Callable[[], None] | None = None,
    **how: Any,
) -> Any:
    *lists, rest = parts
    # Each group and order has a film of its own, so that panels of one never show that of another.
    name = " ".join([key, *(str(rest["film"].get(told)) for told in ("id", "focus", "sorted"))])
    data = _data(name, layout, panels, now, marks=on_unit is not None, **how)
    moved = partial(clock.moved, key)
    heard: dict[str, Any] = {"on_unit_change": on_unit or _nothing, "on_layer_change": on_layer or _nothing}
    with st.container(gap=None):
        with st.container(gap=None):
            for number, part in enumerate([*lists, rest | {"of": name}]):
                _PART(key=f"{key}-part-{number}", data=part)
        return _PLAYER(key=key, data=data, on_epoch_change=moved, on_speed_change=moved, **heard)


def _nothing() -> None:
    """For a value that nobody listens to."""
