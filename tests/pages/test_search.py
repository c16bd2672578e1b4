"""Page Search: never empty, the best by held-out error, state in the link."""

from __future__ import annotations

import pytest

from sbp.runs import store
from sbp.search.table import Row, SearchTable, path_of, read_table
from tests.pages.opened import healthy, opened, texts


@pytest.fixture
def table() -> SearchTable:
    """A search of four configurations, one of which failed, and one of which has no run yet."""
    told = {"sampler": "grid", "pruner": "none", "network": "lenet-500-300", "dataset": "digits"}
    rows = [
        Row(number=0, state="finished", values={"lr": 0.1}, epoch=4, error_percent=7.25, macs=900.0, runs={"0": "a"}),
        Row(number=1, state="finished", values={"lr": 0.01}, epoch=4, error_percent=5.125, macs=1000.0),
        Row(number=2, state="failed", values={"lr": 9.0}, said="It diverged."),
        Row(number=3, state="running", values={"lr": 0.2}),
    ]
    return SearchTable(name="rates", fields=["lr"], seeds=[0], runs=4, rows=rows, **told)


def test_without_a_search_it_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbp.search.table.recorded_root", lambda: store.runs_root() / "none" / "runs")
    assert "python -m sbp search" in texts(healthy(opened("search")))


def test_it_shows_the_best_and_orders_by_the_link(table: SearchTable) -> None:
    table.write()
    assert read_table(path_of("rates")) == table
    at = healthy(opened("search", search="rates"))
    assert "trial 1" in texts(at)
    assert "5.12 %" in texts(at)
    assert list(at.dataframe[0].value["trial"]) == [1, 0, 2, 3]
    assert list(at.dataframe[0].value["state"]) == ["finished", "finished", "failed", "waiting"]
    assert "3 of 4 configurations" in texts(at)
    assert len(at.get("plotly_chart")) == 1
    at = healthy(opened("search", search="rates", sort="macs"))
    assert list(at.dataframe[0].value["trial"]) == [0, 1, 2, 3]
    assert "no-such" in texts(healthy(opened("search", search="no-such")))


def test_a_file_that_holds_something_else_is_a_sentence(table: SearchTable) -> None:
    table.write()
    path_of("rates").write_text('{"name": "rates", "rows": [{"number": "<b>"}]}')
    assert "does not hold a search" in texts(healthy(opened("search", search="rates")))
