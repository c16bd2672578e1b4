"""What page Pixels shows: a test image, a class mean or a drawing, and the epoch. It lives in the link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.pixels.component import KEY
from pages.shared import clock, state
from sbp.data.pictures import Pictures, coloured, framed, pictures
from sbp.data.sources import DataError, data_root
from sbp.viz import labels
from sbp.viz.tables import RunTables

PAGE = "pixels"
BRUSH = 1.15  # its radius in MNIST's pixels, as wide as MNIST's own strokes


@st.cache_resource(max_entries=3, show_spinner=False)
def _pictures(name: str, root: Path, present: bool, image: tuple[int, int, int]) -> Pictures:
    if present:
        return pictures(name, root)
    instead = framed(pictures("digits"))
    return coloured(instead, image) if image[0] > 1 else instead


def pictures_of(dataset: str, image: tuple[int, int, int]) -> tuple[Pictures, str]:
    """The images that a run was trained on, else scikit-learn's digits and a sentence that says so."""
    root = data_root()
    try:
        return _pictures(dataset, root, True, image), ""
    except DataError as error:
        instead = _pictures("digits", root, False, image)
        title = labels.DATASET.get(dataset, dataset)
        return instead, (
            f"This run was trained on {title}, whose images cannot be found, so it is shown scikit-learn’s digits and "
            f"never-lit pixels are not marked. {error} Train on {title} once, or put its files there."
        )


def read(found: RunTables, shown: Pictures) -> tuple[dict[str, Any], list[str]]:
    """The view that the link asks for, and a sentence for each part of it that is not there."""
    link = state.from_link(PAGE)
    now, complaints = clock.read(PAGE, found.run, found.newest)
    digit = state.fit(PAGE, "digit", state.whole(0, len(shown.test_labels) - 1), "0", complaints) or 0
    kind = "drawn" if "drawn" in link else "mean" if "mean" in link and "digit" not in link else "digit"
    view = {
        "kind": kind,
        "digit": digit,
        "mean": link.get("mean", 3),
        "epoch": now.epoch,
        "speed": now.speed,
        "brush": link.get("brush", BRUSH),
        "drawn": link.get("drawn", ""),
    }
    return view, complaints


def changed() -> None:
    """The hand came to rest: what is shown goes into the link."""
    told = (st.session_state.get(KEY) or {}).get("view") or {}
    kind = told.get("kind")
    clock.put(told.get("epoch"), told.get("speed"))
    values = {name: told.get(name) if kind == name else None for name in ("digit", "mean", "drawn")}
    values["brush"] = told.get("brush") if kind == "drawn" and told.get("brush") != BRUSH else None
    for name, field in state.fields(PAGE).items():
        if name not in values:
            continue
        try:
            good = values[name] is not None and field.read(str(values[name])) is not None
        except ValueError:
            good = False
        state.put(name, values[name] if good else None)  # an empty drawing, "", is one too
