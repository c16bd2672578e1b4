"""A chart on a page: its title, itself, the sentence that restates it, and its files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from sbp.viz import export


def figure(
    title: str, chart: Any, *, key: str, light: Callable[[], Any] | None = None,
    control: Callable[[], Any] | None = None, table: Callable[[], bytes] | None = None,
    on_select: Callable[[], None] | None = None,
) -> None:  # fmt: skip
    """Shows a chart with its sentence; `light` makes it for paper, whatever the theme of the page.

    control: a widget that stands in the line of the title. table: makes the figure's numbers as CSV. on_select: hears
    that a point was clicked, which st.session_state[key] then names.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**", width="stretch")
        if control is not None:
            control()
        made = light or (lambda: chart)
        for kind, write in (("SVG", export.svg), ("PNG", export.png)):
            st.download_button(
                kind, lambda write=write: write(made()), f"{key}.{kind.lower()}", key=f"{key}-{kind}", type="tertiary",
                on_click="ignore", help=f"This figure as a {kind} file",
            )  # fmt: skip
        if table is not None:
            st.download_button(
                "CSV", table, f"{key}.csv", "text/csv", key=f"{key}-CSV", type="tertiary", on_click="ignore",
                help="The numbers of this figure",
            )  # fmt: skip
    # Its description is what a screen reader says of it.
    st.altair_chart(chart, key=key, on_select=on_select or "ignore")
    st.caption(chart.description)
