"""A chart or a table on a page: its title, itself, the sentence that restates it, and its files.

Most of the time of a rerun goes into making charts and turning them into specifications. So a figure that says what it
is made `of` is made once and kept, for every session, and no chart is validated here: the tests do that.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import altair as alt
import pandas as pd
import streamlit as st

from pages.shared.theme import is_dark
from sbp.runs.store import RunView
from sbp.viz import export, named


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
    for kind, write in (("SVG", export.svg), ("PNG", export.png)):
        download(
            kind,
            lambda write=write: write(make()),
            f"{name}.{kind.lower()}",
            key=f"{key}-{kind}",
            icon=None,
            type="tertiary",
            help=f"{what} as a {kind} file",
        )


def titled(title: str, note: str) -> str:
    """A figure's title in Markdown, with a note right under it, where there is one."""
    return f"**{title}**  \n:gray[{note}]" if note else f"**{title}**"


def labelled(make: Callable[[], Any], title: str, run: RunView | None = None) -> Callable[[], Any]:
    """Makes a chart for a file: with its title, what of the run it stands on, and the address of what is shown."""
    query = urlencode(st.query_params.to_dict())
    address = f"{st.context.url or ''}{f'?{query}' if query else ''}"
    stands_on = [*([named.source(run)] if run else []), *([address] if address else [])]
    return lambda: export.titled(make(), title, stands_on)


def download(label: str, data: Any, name: str, *, icon: str | None = ":material/download:", **more: Any) -> None:
    """A button that saves a file without running the page again; `data`: its content, or what makes it when pressed."""
    kind = {"csv": "text/csv", "json": "application/json"}.get(name.rpartition(".")[2])
    st.download_button(label, data, name, kind, icon=icon, on_click="ignore", **more)


def csv_button(data: Callable[[], bytes], name: str, help: str = "This table as a CSV file") -> None:
    """A button that saves a table; data: makes its CSV when pressed. name: of the file, without ending."""
    download("CSV", data, f"{name}.csv", icon=None, key=f"{name}-CSV", type="tertiary", help=help)


def table(title: str, data: pd.DataFrame, name: str, *, hide_index: bool = True, **more: Any) -> None:
    """Shows a table under its title, with a button that saves it; more: what st.dataframe takes.

    name: of the file, without ending; no two tables of a page share one.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"table-{name}"):
        st.markdown(title, width="stretch")
        csv_button(lambda: data.to_csv(index=not hide_index).encode(), name)
    st.dataframe(data, hide_index=hide_index, **more)


@contextmanager
def folded(title: str, icon: str, key: str) -> Iterator[bool]:
    """A section that begins folded; gives whether it is open, so that what is inside is made only then."""
    with st.expander(title, icon=f":material/{icon}:", key=key, on_change="rerun") as section:
        yield bool(section.open)


def figure(
    title: str,
    chart: Callable[[bool], Any],
    *,
    key: str,
    control: Callable[[], Any] | None = None,
    table: Callable[[], bytes] | None = None,
    on_select: Callable[[], None] | None = None,
    light: Callable[[], Any] | None = None,
    of: Hashable = None,
    run: RunView | None = None,
    note: str = "",
) -> None:
    """Shows the chart that `chart` makes for the dark theme or the light one, with its sentence; files are light.

    control: a widget that stands in the line of the title. table: makes the figure's numbers as CSV. on_select: hears
    that a point was clicked, which st.session_state[key] then names. light: makes the files, where these differ. of:
    all that the chart depends on but the theme; it is then made only when it has not been made of this before. run:
    whose figure it is, which its files say, with the page's link. note: stands under the title, such as an epoch.
    """
    dark = is_dark()
    shown = Ready(chart(dark)) if of is None else _kept((key, of, dark), lambda: chart(dark))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"title-{key}"):
        st.markdown(titled(title, note), width="stretch")
        if control is not None:
            control()
        name = f"{title} ({note})" if note else title
        with st.container(horizontal=True, gap="small", width="content"):  # on a phone they wrap together
            save_buttons(labelled(light or (lambda: chart(False)), name, run), key, key)
            if table is not None:
                csv_button(table, key, "The numbers of this figure")
    # Of a chart Streamlit asks for to_dict() alone. Its description is what a screen reader reads out.
    st.altair_chart(shown, key=key, on_select=on_select or "ignore")  # type: ignore[call-overload]
    st.caption(shown.description)
