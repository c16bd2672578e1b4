"""The tables of docs/reproducing.md are those of the recorded results, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.experiments import readme
from sbp.experiments.results import NoResults
from tests.experiments.made import table

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "reproducing.md").read_text(encoding="utf-8")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    (tmp_path / "table-1.json").write_text(table().to_json(), encoding="utf-8")
    return tmp_path


def test_the_page_has_its_tables() -> None:
    assert TEXT.count("<!-- table: ") == TEXT.count("<!-- end of table -->") == 10


def test_a_marked_table_is_rewritten_and_the_rest_stays(made: Path) -> None:
    text = "Before.\n\n<!-- table: table-1 lenet-500-300 -->\nold\n<!-- end of table -->\n\nAfter.\n"
    new = readme.refreshed(text, made)
    assert new.startswith("Before.\n\n<!-- table: table-1 lenet-500-300 -->\n| method | KL weights | test error, % |")
    assert "| SBP | plain | 1.50 ± 0.25 (0.10) | 245–160–55 | 48.5 | 11.0 ± 2.5x (1.0) |" in new
    assert "s a run" not in new
    assert "old" not in new
    assert new.endswith("\n<!-- end of table -->\n\nAfter.\n")
    assert readme.refreshed(new, made) == new


def test_sbp_comes_first_with_the_papers_row_under_it(made: Path) -> None:
    lines = readme.table_of("table-1", "lenet-500-300", results=made).splitlines()[2:]
    assert [line.split(" | ")[0].strip("| ") for line in lines[:3]] == ["SBP", "*the paper's SBP*", "SSL"]


def test_a_table_of_one_data_set_has_its_rows_alone() -> None:
    lines = readme.table_of("torch-pruning", "lenet-500-300", "fashion-mnist").splitlines()[2:]
    assert len(lines) == 4
    assert "1.7, 1.7, 1.7 | 10.71" in lines[0]


def test_a_table_without_results_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoResults, match="table-1 has no recorded results"):
        readme.refreshed("<!-- table: table-1 lenet-500-300 -->\n<!-- end of table -->", tmp_path)
