"""Every session key and query parameter of the app, in one table.

A value of the view is known by one name: its query parameter and its row here. A page reads it from the link
(`from_link`), says what the link got wrong (`complaints`), and writes back what was changed by hand (`remember`).
Streamlit's own binding of widgets to the address is not used: it drops a bad value without a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st


@dataclass(frozen=True)
class Field:
    """One value of a page's view: its name in the link, its page, its default, and what a link may say.

    `read` takes the link's text and gives the value, or raises ValueError with what was expected, such as
    "a number from -25 to 5".
    """

    name: str
    page: str
    meaning: str
    default: Any
    read: Callable[[str], Any]


def number(low: float, high: float) -> Callable[[str], float]:
    """Reads a finite number of [low, high].

    >>> number(0, 1)("0.5")
    0.5
    >>> number(0, 1)("much")
    Traceback (most recent call last):
    ValueError: a number from 0 to 1
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value

    return read


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """Reads a whole number of at least `low`, at most `high` where one is given."""

    def read(text: str) -> int:
        expected = f"a whole number from {low}" + (f" to {high}" if high is not None else "")
        try:
            value = int(text)
        except ValueError:
            raise ValueError(expected) from None
        if value < low or (high is not None and value > high):
            raise ValueError(expected)
        return value

    return read


def one_of(*allowed: str) -> Callable[[str], str]:
    """Reads one of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text

    return read


def any_text(text: str) -> str:
    """Reads any text: the page itself knows what exists (a run's id, a layer's name)."""
    return text


def strokes(text: str) -> str:
    """Reads a drawing: four characters a point, strokes apart by a dash, as the page itself writes it.

    >>> strokes("00zz00zz-0a0b")
    '00zz00zz-0a0b'
    """
    if len(text) > 4000 or not re.fullmatch(r"(([0-9a-z]{4})+(-([0-9a-z]{4})+)*)?", text):
        raise ValueError("a drawing as this page writes it")
    return text


FIELDS: tuple[Field, ...] = (
    Field("mu", "gate", "mu, the centre of log theta before truncation", 0.0, number(-45, 10)),
    Field("sigma", "gate", "sigma, its standard deviation before truncation", 1.0, number(0.00034, 148)),
    Field("a", "gate", "a, the lower end of log theta", -20.0, number(-40, 4.5)),
    Field("b", "gate", "b, the upper end of log theta", 0.0, number(-39.5, 5)),
    Field("run", "train", "the run that is watched", "the newest", any_text),
    Field("run", "channels", "the run whose channels are shown", "the newest", any_text),
    Field("layer", "channels", "the layer", "the first", any_text),
    Field("sort", "channels", "the order of its units", "death", one_of("death", "snr", "unit")),
    Field("epoch", "channels", "the epoch that the clock stands at", "the newest", whole(0)),
    Field("unit", "channels", "the unit that is marked", "none", whole(0)),
    Field("hand", "channels", "units pruned (-) and kept (+) by hand", "none", any_text),
    Field("digit", "channels", "the test digit that the unit is shown on", 0, whole(0)),
    Field("density", "channels", "the axis of the unit's density", "log", one_of("log", "theta")),
    Field("run", "threshold", "the run whose threshold is moved", "the newest", any_text),
    Field("t", "threshold", "the threshold on the SNR", 1.0, number(0.2, 100)),
    Field(
        "pair",
        "random-labels",
        "which two runs share the clock",
        "the first there is",
        one_of("recorded", "vgg", "race"),
    ),
    Field("epoch", "random-labels", "the epoch that the clock stands at", "the newest", whole(0)),
    Field("network", "methods", "the network whose methods are compared", "the first", any_text),
    Field("row", "methods", "the row that is chosen", "SBP", any_text),
    Field("run", "pixels", "the run whose pixels are shown", "the newest", any_text),
    Field("digit", "pixels", "the test image that is shown", 0, whole(0)),
    Field("mean", "pixels", "the class whose mean is shown", "a test image", whole(0, 9)),
    Field("drawn", "pixels", "what is drawn, stroke by stroke", "a test image", strokes),
    Field("brush", "pixels", "the radius of the brush, in pixels", 1.15, number(0.7, 2.2)),
    Field("epoch", "pixels", "the epoch that the map stands at", "the newest", whole(0)),
)

# Keys of the session that are not part of a link.
SESSION: dict[str, str] = {
    "gate": "the component of page One gate: its values at the last release",
    "gate-view": "mu, sigma, a, b as last let go on page One gate",
    "gate-given": "mu, sigma, a, b as last given to that component",
    "gate-surface": "page One gate: the SNR as a surface, folded or open",
    "gate-snr": "page One gate: that surface",
    "copy-link": "the button that copies the page's address",
    "page-header": "the header line of a page",
    "run-shown": "the run shown last, on any page",
    "run-choice": "the list of runs of a page",
    "layer-choice": "the layers of page Channels",
    "sort-choice": "the order of units on page Channels",
    "channels-player": "the player of page Channels: epoch and unit last set by hand",
    "form-start": "the preset that the full form of page Train began with",
    "start-said": "why a run could not be started",
    "story": "the player of page Story",
    "new-run": "page Train: the presets and the full form",
    "start-done": "the run that was started last, said once",
    "run-line": "the line of a run: state, progress, buttons",
    "stop": "the button that stops the run shown",
    "resume": "the button that resumes the run shown",
    "pixels-view": "the figure of page Pixels: what was last chosen in it",
    "pixels-weights": "page Pixels: weights and film, sent once",
    "pixels-line": "the line of a run on page Pixels",
    "pixels-other": "page Pixels: where to see pixels when this network has no noise on them",
    "gradients-start": "page Pixels: the button that computes attributions",
    "gradients-SVG": "page Pixels: the maps of attributions as a file",
    "gradients-PNG": "page Pixels: the same as a PNG file",
    "channels-line": "the line of a run on page Channels",
    "unit-choice": "page Channels: the number of the unit that is shown",
    "unit-picks": "page Channels: units to begin with",
    "pick-last": "page Channels: show the unit kept longest",
    "pick-next": "page Channels: show the kept unit nearest to SNR = 1",
    "pick-first": "page Channels: show the unit pruned first",
    "hand-line": "page Channels: pruning by hand, its buttons and numbers",
    "hand-turn": "page Channels: prune or keep the unit shown",
    "hand-undo": "page Channels: take the last edit by hand back",
    "hand-reset": "page Channels: take all edits by hand back",
    "hand-past": "page Channels: what was edited by hand before each edit, by run",
    "unit-density": "page Channels: the unit's density through time",
    "unit-path": "page Channels: the unit's path on the map",
    "unit-in": "page Channels: the unit's incoming weights",
    "unit-out": "page Channels: the unit's outgoing weights",
    "unit-says": "page Channels: the unit's output on a digit among its layer",
    "density-choice": "page Channels: density in log theta or in theta",
    "digit-choice": "page Channels: the test digit",
    "channels-files": "page Channels: downloads",
    "twins-player": "page Random labels: the player, with the epoch last set by hand",
    "pair-choice": "page Random labels: which two runs share the clock",
    "twins-files": "page Random labels: downloads",
    "twins-csv": "page Random labels: every epoch of both runs",
    "methods-network": "page Methods: the network whose methods are compared",
    "methods-figure-1": "page Methods: Figure 1",
    "methods-line": "page Methods: the chosen row, and the ways to its run",
    "threshold": "the component of page Threshold and cost: the threshold at which the hand last rested",
    "threshold-line": "the line of a run on page Threshold and cost",
    "threshold-files": "page Threshold and cost: the download buttons",
    "threshold-figures": "page Threshold and cost: figures along the threshold",
    "sweep-csv": "page Threshold and cost: the sweep as a table",
    "measure-speed": "the button that measures speed",
    "measure-speed-gpu": "the button that measures speed on a GPU",
    "measure-line": "the buttons that measure speed",
    "measure-sweep": "the button that measures a sweep",
    "measure-asked": "what was asked to be measured last, and what was there before",
    "measure-failed": "the measurement that ended without a result",
    "runs-all": "page Runs: show all of one's own runs",
    "runs-recorded": "page Runs: show all recorded runs",
    "runs-said": "page Runs: the error of the last action, shown once",
    "delete-yes": "page Runs: delete, asked twice",
    "delete-no": "page Runs: keep it after all",
    "details-figures": "page Runs: figures with exact values",
    "details-numbers": "page Runs: the numbers of every epoch",
    "details-config": "page Runs: a run's configuration",
}


def fields(page: str) -> dict[str, Field]:
    """The rows of one page by name."""
    return {field.name: field for field in FIELDS if field.page == page}


def complaints(page: str) -> list[str]:
    """A sentence for each of the page's parameters that the link got wrong; call it before the page's widgets."""
    said = []
    for name, field in fields(page).items():
        for text in st.query_params.get_all(name):
            try:
                field.read(text)
            except ValueError as error:
                shown = _plain(field.default)
                said.append(f"The link says {name} = {_short(text)}; expected {error}. Shown instead: {shown}.")
    return said


def from_link(page: str) -> dict[str, Any]:
    """The page's good values in the link; those that are missing or wrong are left out."""
    good = {}
    for name, field in fields(page).items():
        if name in st.query_params:
            try:
                good[name] = field.read(st.query_params[name])
            except ValueError:
                continue
    return good


def remember(page: str, values: dict[str, float]) -> None:
    """Puts a component's values into the address, in short decimal notation; the page does not run again for it."""
    known = fields(page)
    st.query_params.update({name: f"{value:.6g}" for name, value in values.items() if name in known})


def _short(text: str) -> str:
    return repr(text if len(text) <= 24 else text[:24] + "…").replace("`", "'")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
