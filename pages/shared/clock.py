"""One clock for all pages: the epoch at which a run is looked at, and the speed of its film, in link and session."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.shared import state

KEY = "clock"
LEFT = "clock-left"
STALE_SECONDS = 10.0  # for so long the browser may ask with the link that it had before the clock was moved


@dataclass(frozen=True)
class Clock:
    """Where the clock of a run stands.

    run: its id, or the name of a pair. epoch: a fraction at a first step; None where the newest is followed, or the
    film plays. speed: 1 plays the whole run in the player's own time.
    """

    run: str
    epoch: float | None = None
    speed: float = 1.0


def read(page: str, run: str, newest: int) -> tuple[Clock, list[str]]:
    """The clock as the link has it, else as this session left it on any page; and what is wrong with the link.

    What the session left goes into the link, so that the link always says what is shown. newest: the last epoch that
    is known of the run.
    """
    said: list[str] = []
    left = st.session_state.get(KEY, Clock(run))
    if left.run == run and st.session_state.get(LEFT, {}).get(st.query_params.get("epoch"), 0) > time.monotonic():
        state.put("epoch", _values(left)["epoch"])
    epoch = state.fit(page, "epoch", state.number(0, max(newest, 0)), f"the newest, {newest}", said)
    if "epoch" not in st.query_params and left.run == run and left.epoch is not None and left.epoch <= newest:
        epoch = left.epoch
    now = Clock(run, epoch, state.from_link(page).get("speed", left.speed))
    st.session_state[KEY] = now
    for name, value in _values(now).items():
        if value is not None and name not in st.query_params:
            state.put(name, value)
    return now, said


def put(epoch: Any, speed: Any) -> None:
    """The hand has come to rest at an epoch, or took another speed: session and link say so. None leaves a speed as it
    is, and an epoch below 0 follows the newest."""
    now = st.session_state.get(KEY, Clock(""))
    rests = isinstance(epoch, (int, float)) and epoch >= 0
    now = Clock(now.run, float(epoch) if rests else None, float(speed or now.speed))
    st.session_state[KEY] = now
    before, values = st.query_params.get("epoch"), _values(now)
    if before != values["epoch"]:
        past = {before: time.monotonic() + STALE_SECONDS}
        st.session_state[LEFT] = {**st.session_state.get(LEFT, {}), **past, values["epoch"]: 0.0}
    for name, value in values.items():
        state.put(name, value)


def moved(key: str) -> None:
    """The player under this key has told of its clock."""
    told = st.session_state.get(key) or {}
    put(told.get("epoch"), told.get("speed"))


def _values(now: Clock) -> dict[str, str | None]:
    """What a link says of a clock: nothing where a page shows it unasked. A step's fraction has six decimals."""
    values = {"epoch": now.epoch, "speed": None if now.speed == 1 else now.speed}
    return {name: None if value is None else f"{value:.6f}".rstrip("0").rstrip(".") for name, value in values.items()}
