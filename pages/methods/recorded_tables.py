"""Recorded results as pages read them: once a file, and a sentence where there are none."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from sbp.experiments import results
from sbp.experiments.results import NoResults, Table


@st.cache_data(max_entries=12, show_spinner=False)
def _read(experiment: str, path: Path, stamp: int) -> Table:
    return results.recorded(experiment, path.parent)


def recorded(experiment: str) -> Table | None:
    """The table of an experiment; None where none is recorded, or its file cannot be read."""
    path = results.results_path(experiment, results.results_root())
    try:
        return _read(experiment, path, path.stat().st_mtime_ns)
    except (OSError, NoResults):
        return None


def missing(experiment: str, what: str) -> None:
    """Says that results are missing, and which command makes them."""
    st.info(
        f"{what} has no recorded results here: `python -m sbp reproduce {experiment} --record` makes them.",
        icon=":material/table_view:",
    )
