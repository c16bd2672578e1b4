"""Search: the configurations that a search tries, as they end; the best by held-out error, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared import frame, state
from pages.shared.figures import download, figure
from pages.shared.outside import md
from pages.shared.theme import is_dark
from sbp.runs.files import is_locked
from sbp.runs.plain_files import BadFile
from sbp.search.table import SearchTable, read_table, searches
from sbp.viz import search as charts

PAGE, POLL_SECONDS = "search", 2.0
ORDER_TITLES = {"error": "Least error", "macs": "Fewest MACs", "trial": "In order"}
COLUMNS = {
    "error_percent": st.column_config.NumberColumn("held-out error, %", format="%.2f"),
    "macs": st.column_config.NumberColumn("MACs", format="localized"),
}
ORDERS = {"error": ["error_percent", "macs"], "macs": ["macs", "error_percent"], "trial": ["trial"]}
COMMAND = """python -m sbp search rates.yaml

# rates.yaml
name: rates
base: {network: lenet-500-300, dataset: mnist, preset: quick}
search: {noise_lr: {low: 0.01, high: 0.3, log: true}, lr: [0.001, 0.002]}
budget: 24"""

frame.header("Search", "Which settings are worth their MACs?", "MACs")


def choose(found: dict[str, Path]) -> str:
    """The search of the link, else the newest; empty where there is none."""

    def known(text: str) -> str:
        if text not in found:
            raise ValueError("a search in this folder of runs")
        return text

    said: list[str] = []
    name = state.fit(PAGE, "search", known, "the newest", said) or next(iter(found), "")
    frame.notices(said)
    if name:
        st.session_state["search-choice"] = name
        options: dict[str, Any] = {
            "on_change": state.put_choice,
            "args": ("search", "search-choice"),
            "label_visibility": "collapsed",
        }
        st.selectbox("Search", list(found), key="search-choice", **options)
    return str(name)


def rows_of(table: SearchTable, order: str) -> pd.DataFrame:
    """A row a configuration, those without an error last; one without a run waits."""
    rows = pd.DataFrame(table.plain_rows())
    rows.loc[[row.state == "running" and not row.runs for row in table.rows], "state"] = "waiting"
    return rows.sort_values(ORDERS[order], na_position="last", ignore_index=True)


def show(path: Path, polling: bool) -> None:
    """The table and its figures; polls while a process carries the search out, and runs the page again at its end."""
    if polling != is_locked(path.with_suffix(".lock")):
        st.rerun()
    try:
        table = read_table(path)
    except BadFile as error:
        st.error(md(str(error)), icon=":material/error:")
        return
    if not table.rows:
        st.markdown(":gray[Its first configuration is being trained.]")
        return
    standing(table, polling)
    order = state.from_link(PAGE).get("sort", "error")
    rows = rows_of(table, order)
    ended = rows.dropna(subset=["error_percent", "macs"])
    best = table.best.number if table.best else None
    left, right = st.columns(2, gap="medium")
    with left:
        figure("Error and MACs", lambda dark: charts.cost(ended, best, dark), key="search-cost")
    with right:
        st.markdown("**Every configuration, field by field**")
        if not ended.empty:
            lines = charts.parallel(ended, table.fields, is_dark())
            st.plotly_chart(lines, key="search-lines", config={"displaylogo": False})
            st.caption("One line per configuration; drag along an axis to select some.")
    with st.container(horizontal=True, vertical_alignment="center"):
        titles = ORDER_TITLES.__getitem__
        state.choice("Order", list(ORDERS), order, key="search-sort", on_change=reorder, format_func=titles)
        download("CSV", table.csv(), f"{table.name}.csv", key="search-csv")
    st.dataframe(rows, hide_index=True, key="search-table", column_config=COLUMNS, placeholder="–")


def reorder() -> None:
    """The order by which the rows stand goes into the link."""
    state.put_choice("sort", "search-sort")


def standing(table: SearchTable, polling: bool) -> None:
    """How far it is, and the best so far by held-out images."""
    ended = sum(row.state != "running" for row in table.rows)
    of = table.runs // max(len(table.seeds), 1)
    stands = "running" if polling else "finished" if ended >= of else "interrupted: the same command continues it"
    said = f"{ended} of {of} configurations · {table.sampler} · {table.network} on {table.dataset} · {stands}"
    st.markdown(f":gray[{md(said)}]")
    if row := table.best:
        values = ", ".join(f"{name} {value}" for name, value in row.values.items())
        with st.container(horizontal=True, vertical_alignment="center"):
            came_to = f"**{row.error_percent:.2f} %** on held-out images, {row.macs:,.0f} MACs"
            mean = f", mean of {len(table.seeds)} seeds" if len(table.seeds) > 1 else ""
            st.markdown(
                f"**Best{' so far' if polling else ''}:** trial {row.number} ({md(values)}): {came_to}{mean}.",
                width="content",
            )
            for seed, run in row.runs.items():
                link = {"run": run}
                st.page_link("train/page.py", label=f"Seed {seed}", icon=":material/movie:", query_params=link)


found = searches()
if name := choose(found):
    busy = is_locked(found[name].with_suffix(".lock"))
    st.fragment(show, run_every=POLL_SECONDS if busy else None)(found[name], busy)
else:
    st.markdown("No search has been made in this folder of runs yet. This makes one:")
    st.code(COMMAND, language="yaml")
