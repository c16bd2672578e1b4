"""The component of page One gate: figures that redraw in the browser while a value is dragged.

Python says where it starts and hears where it was let go; everything between is JavaScript (js/).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.shared import standalone
from pages.shared.assets import bundle, read
from sbp.viz import labels, palette

FOLDER = "gate/js"

_HTML, _CSS, _JS = read(f"{FOLDER}/gate.html"), read(f"{FOLDER}/gate.css"), bundle(f"{FOLDER}/gate.js")
_COMPONENT = st.components.v2.component("one_gate", html=_HTML, css=_CSS, js=_JS)
# Python computes a training step; without it there is the one that the file was saved with.
_SAVED = '.step.stale::before { content: "The step is that of the gate as it was saved: reload this file to see it."; }'


def gate(view: dict[str, float], step: dict[str, Any], on_release: Callable[[], None]) -> None:
    """Shows the gate at `view` (mu, sigma, a, b); st.session_state["gate"]["view"] is where it was let go.

    The component takes `view` over only when it differs from the one it was last given, so that a value
    from a drag is never sent back into it. step: one training step of the gate where it was let go.
    """
    _COMPONENT(key="gate", data=_data(view, step), on_view_change=on_release)


def document(view: dict[str, float], step: dict[str, Any]) -> bytes:
    """The gate as an HTML file that opens at `view`; all of it follows the hand but the training step."""
    about = ", ".join(f"{name} = {labels.signed(value)}" for name, value in view.items())
    data = _data(view, step)
    return standalone.document("One gate", f"Saved at {about}", markup=_HTML, css=_CSS + _SAVED, js=_JS, data=data)


def _data(view: dict[str, float], step: dict[str, Any]) -> dict[str, Any]:
    return {"view": view, "step": step, "palette": _palettes()}


def _palettes() -> dict[str, dict[str, Any]]:
    # On the light ground words are darker than marks, so that they keep a contrast of 4.5 to 1.
    light = {"keptText": "#005E93", "prunedText": "#A94A00", "klText": "#9C3F76", "halo": "#FFFFFFD9"}
    dark = {"halo": "#10171FD9", **{f"{name}Text": getattr(palette.DARK, name) for name in ("kept", "pruned", "kl")}}
    return {
        "light": {**_marks(False), **light, "onKept": "#FFFFFF"},
        "dark": {**_marks(True), **dark, "onKept": "#0B2236"},
    }


def _marks(dark: bool) -> dict[str, Any]:
    theme = palette.theme(dark)
    named = {name: getattr(theme, name) for name in ("kept", "pruned", "kl", "reference")}
    return {**named, "stops": palette.stops(dark), "ink": theme.kept}
