"""A chart on a page: its title, itself, the sentence that restates it, and its files.

Most of the time of a rerun goes into making charts and turning them into specifications. So a figure that says what it
is made `of` is made once and kept, for every session, and no chart is validated here: the tests do that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

import altair as alt
import streamlit as st

from sbp.viz import export


class Ready:
    """A chart whose specification is made once, when Streamlit first asks for it, with its data in Arrow's form."""

    def __init__(self, chart: Any) -> None:
        self.chart, self.description = chart, str(chart.description)
        self.spec: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The specification; the caller may change it."""
        if self.spec is None:
            spec = self.chart.to_dict(validate=False)
            # Streamlit's transformer leaves the tables there, and names in the specification in their stead.
            tables = alt.data_transformers.options.get("datasets", {})
            self.spec = {**spec, "datasets": {**spec.get("datasets", {}), **tables}}
        return copy.deepcopy(self.spec)


@st.cache_resource(max_entries=96, show_spinner=False)
def _kept(of: Hashable, _make: Callable[[], Any]) -> Ready:
    return Ready(_make())


def save_buttons(make: Callable[[], Any], name: str, key: str, what: str = "This figure") -> None:
    """A button for SVG and one for PNG; the chart is made when one is pressed. name: of the file, without ending."""

    def written(write: Callable[[Any], bytes]) -> bytes:
        return write(make())

    for kind, write in (("SVG", export.svg), ("PNG", export.png)):
        st.download_button(
            kind,
            partial(written, write),
            f"{name}.{kind.lower()}",
            key=f"{key}-{kind}",
            type="tertiary",
            on_click="ignore",
            help=f"{what} as a {kind} file",
        )


def figure(
    title: str,
    chart: Any,
    *,
    key: str,
    light: Callable[[], Any] | None = None,
    control: Callable[[], Any] | None = None,
    table: Callable[[], bytes] | None = None,
    on_select: Callable[[], None] | None = None,
    of: Hashable = None,
) -> None:
    """Shows a chart with its sentence; `light` makes it for paper, whatever the theme of the page.

    control: a widget that stands in the line of the title. table: makes the figure's numbers as CSV. on_select: hears
    that a point was clicked, which st.session_state[key] then names. of: all that the chart depends on; `chart` is then
    what makes it, and is called only when it has not been made of this before.
    """
    shown = Ready(chart) if of is None else _kept((key, of), chart)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**", width="stretch")
        if control is not None:
            control()
        save_buttons(light or (lambda: shown.chart), key, key)
        if table is not None:
            st.download_button(
                "CSV",
                table,
                f"{key}.csv",
                "text/csv",
                key=f"{key}-CSV",
                type="tertiary",
                on_click="ignore",
                help="The numbers of this figure",
            )
    # Of a chart Streamlit asks for to_dict() alone. Its description is what a screen reader reads out.
    st.altair_chart(shown, key=key, on_select=on_select or "ignore")  # type: ignore[call-overload]
    st.caption(shown.description)
