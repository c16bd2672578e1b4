"""A figure's file says what it is of, what that stands on, and where it was seen."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from pages.shared import figures
from sbp.viz import export, kept
from sbp.viz.tables import tables
from tests.made_up import write_run


@pytest.fixture
def on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = SimpleNamespace(to_dict=lambda: {"run": "<b>x", "t": "1.5"})
    monkeypatch.setattr(figures.st, "query_params", shown)
    monkeypatch.setattr(figures.st, "context", SimpleNamespace(url="http://localhost:8501/threshold"))


@pytest.mark.usefixtures("on_a_page")
def test_title_run_seed_and_link_are_in_the_file(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    make = figures.labelled(partial(kept.chart, tables(run), 10), "Units kept", run)
    drawn = export.svg(make()).decode()
    for said in (
        "Units kept",
        run.id,
        f"seed {run.config.seed}",
        "http://localhost:8501/threshold?run=%3Cb%3Ex&amp;t=1.5",
    ):
        assert said in drawn


@pytest.mark.usefixtures("on_a_page")
def test_a_figure_of_no_run_has_its_link() -> None:
    chart = figures.labelled(lambda: kept.charts.empty("Nothing yet."), "Methods")()
    assert chart.title.subtitle == ["http://localhost:8501/threshold?run=%3Cb%3Ex&t=1.5"]
