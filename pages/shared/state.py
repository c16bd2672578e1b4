"""Every session key and query parameter of the app, in one table.

A value of the view is known by one name: its query parameter and its row here. The header of a page says what its link
got wrong (`complaints`); the page reads the good values (`from_link`, and `fit` where a run decides what is good) and
writes back what was changed by hand (`put`, `remember`). Streamlit's own binding of widgets to the address is not used:
it drops a bad value without a word.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.shared.assets import read
from pages.shared.outside import quoted


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


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """Reads a finite number of at least `low`, at most `high` where one is given.

    >>> number(0, 1)("0.5")
    0.5
    >>> number(0, 1)("much")
    Traceback (most recent call last):
    ValueError: a number from 0 to 1
    """

    return _within(float, "a number", low, high)


def whole(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Reads a whole number of at least `low`, at most `high` where one is given."""
    return _within(int, "a whole number", low, high)


def _within(kind: Callable[[str], Any], name: str, low: float, high: float) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value):
            raise ValueError(f"{name} from {low:g}" + ("" if high == math.inf else f" to {high:g}"))
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


def part(text: str) -> str:
    """Reads the key of a part of a page, which becomes a name in a style.

    >>> part("story")
    'story'
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", text):
        raise ValueError("the key of one part of the page")
    return text


# What the numbers of a gate may be, each by itself.
GATE = {"mu": (-45.0, 10.0), "sigma": (0.00034, 148.0), "a": (-40.0, 4.5), "b": (-39.5, 5.0)}
FIELDS: tuple[Field, ...] = (
    *(
        field
        for page in ("gate", "theory")
        for field in (
            Field("mu", page, "mu, the centre of log theta before truncation", 0.0, number(*GATE["mu"])),
            Field("sigma", page, "sigma, its standard deviation before truncation", 1.0, number(*GATE["sigma"])),
            Field("a", page, "a, the lower end of log theta", -20.0, number(*GATE["a"])),
            Field("b", page, "b, the upper end of log theta", 0.0, number(*GATE["b"])),
        )
    ),
    *(
        field
        for page in ("story", "train", "channels", "random-labels")
        for field in (
            Field("epoch", page, "the epoch that the clock stands at", "the newest", number(0)),
            Field("speed", page, "how fast the film plays", 1.0, number(0.25, 4)),
        )
    ),
    Field("run", "train", "the run that is watched", "the newest", any_text),
    Field("run", "channels", "the run whose channels are shown", "the newest", any_text),
    Field("layer", "channels", "the layer", "the first", any_text),
    Field("sort", "channels", "the order of its units", "death", one_of("death", "snr", "unit")),
    Field("unit", "channels", "the unit that is marked", "none", whole(0)),
    Field("hand", "channels", "units pruned (-) and kept (+) by hand", "none", any_text),
    Field("digit", "channels", "the test digit that the unit is shown on", 0, whole(0)),
    Field("density", "channels", "the axis of the unit's density", "log", one_of("log", "theta")),
    Field("run", "threshold", "the run whose threshold is moved", "the newest", any_text),
    Field("t", "threshold", "the threshold on the SNR", 1.0, number(0.2, 100)),
    Field(
        "pair",
        "random-labels",
        "which runs share the clock",
        "the first",
        one_of("recorded", "vgg", "rates", "race"),
    ),
    Field("network", "methods", "the network whose methods are compared", "the first", any_text),
    Field("row", "methods", "the row that is chosen", "SBP", any_text),
    Field("run", "pixels", "the run whose pixels are shown", "the newest", any_text),
    Field("digit", "pixels", "the test image that is shown", 0, whole(0)),
    Field("mean", "pixels", "the class whose mean is shown", "a test image", whole(0, 9)),
    Field("drawn", "pixels", "what is drawn, stroke by stroke", "a test image", strokes),
    Field("brush", "pixels", "the radius of the brush, in pixels", 1.15, number(0.7, 2.2)),
    Field("epoch", "pixels", "the epoch that the map stands at", "the newest", number(0)),
    Field("speed", "pixels", "how fast the film plays", 1.0, number(0.25, 4)),
    Field("compare", "runs", "the ids of the runs that are ticked, with commas between", "none", any_text),
    Field("search", "search", "the search that is shown", "the newest", any_text),
    Field("sort", "search", "the order of its configurations", "error", one_of("error", "macs", "trial")),
    Field("tour", "tour", "the card of the tour, on any page", "no tour", whole(1, 8)),
    Field("show", "frame", "the one part that an embedded page shows", "the whole page", part),
    Field("deck", "talk", "the talk that is given", "the list of talks", any_text),
    Field("slide", "talk", "the slide, from 1", "the first", whole(1)),
)

# Keys of the session that are not part of a link.
SESSION: dict[str, str] = tomllib.loads(read("shared/session_keys.toml"))


def fields(page: str) -> dict[str, Field]:
    """The rows of one page by name."""
    return {field.name: field for field in FIELDS if field.page == page}


def complaints(page: str) -> list[str]:
    """A sentence for each value of the link that the page cannot read, and for each that it does not know."""
    known, said = fields(page), []
    readable = {**fields("tour"), **fields("frame"), **known}
    for name in st.query_params:
        for text in st.query_params.get_all(name):
            if name not in readable:
                names = ", ".join(known) or "nothing"
                said.append(f"The link says {quoted(name)} = {quoted(text)}; this page knows {names}.")
                continue
            try:
                readable[name].read(text)
            except ValueError as error:
                said.append(wrong(name, text, str(error), _plain(readable[name].default)))
    return said


def wrong(name: str, text: str, expected: str, shown: str) -> str:
    """What is said of a wrong value of a link."""
    return f"The link says {name} = {quoted(text)}; expected {expected}. Shown instead: {shown}."


def fit(page: str, name: str, read: Callable[[str], Any], shown: str, said: list[str]) -> Any:
    """The link's value as `read` allows it, which knows what there is of the run shown.

    None where the link has none, or one that the page cannot read, which its header says, or one that `read` refuses:
    `said` gets the sentence, with what is shown instead.
    """
    if name not in from_link(page):
        return None
    try:
        return read(st.query_params[name])
    except ValueError as error:
        said.append(wrong(name, st.query_params[name], str(error), shown))
        return None


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


def put(name: str, value: Any, *gone: str) -> None:
    """Puts a value into the link, or takes it out where it is None; what is `gone` with the old one goes too."""
    for one in gone:
        st.query_params.pop(one, None)
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)


def put_choice(name: str, key: str, *gone: str) -> None:
    """Puts what a widget now says into the link."""
    put(name, st.session_state[key], *gone)


def told(key: str, name: str) -> int | None:
    """A number of 0 or more that a component tells, whole; None where it tells none."""
    value = (st.session_state.get(key) or {}).get(name)
    return int(value) if isinstance(value, (int, float)) and value >= 0 else None


def choice(label: str, options: Sequence[str], chosen: str, *, key: str, **more: Any) -> None:
    """A row of choices of which one is taken; another one is told by `on_change`."""
    st.session_state[key] = chosen
    st.segmented_control(label, options, key=key, required=True, label_visibility="collapsed", **more)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
