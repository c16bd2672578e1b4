"""Every table of a page can be saved from the page as CSV."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.runs import compare
from pages.shared import documents
from tests.made_up import write_run
from tests.pages.opened import healthy, opened


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("methods", {}),
        ("methods", {"network": "vgg-like"}),
        ("theory", {}),
        ("your_network", {}),
    ],
)
def test_each_table_has_its_button(page: str, link: dict[str, str]) -> None:
    all_can_be_saved(healthy(opened(page, **link)))


def test_so_have_the_tables_of_runs(runs_root: Path) -> None:
    first, second = write_run(runs_root), write_run(runs_root, noise_lr=0.05)
    all_can_be_saved(healthy(opened("threshold", run=first.id)))
    all_can_be_saved(healthy(opened("runs", compare=f"{first.id},{second.id}")))


def all_can_be_saved(at: AppTest) -> None:
    written = [rows for text in at.markdown for _, rows in documents.split(text.value) if rows is not None]
    buttons = [button.proto for button in at.get("download_button")]
    saved = [button for button in buttons if button.help == "This table as a CSV file"]
    assert len(saved) == len(at.dataframe) + len(written) > 0
    assert {button.label for button in saved} == {"CSV"}


def test_the_list_of_runs_is_a_table_too(runs_root: Path) -> None:
    runs = [write_run(runs_root, seed=seed, epochs_done=1) for seed in range(5)]
    at = healthy(opened("runs"))
    assert any(button.proto.id.endswith("-runs-CSV") for button in at.get("download_button"))
    found = compare.differences(runs)
    assert list(found.index) == [run.id for run in runs]
    assert sorted(found["seed"]) == ["0", "1", "2", "3", "4"]


def test_tables_of_a_document_are_cut_out_whole() -> None:
    whole = documents.sections("refused")[""]
    (_, rows), (after, none) = documents.split(whole)
    assert rows is not None
    assert list(rows.columns) == ["what is refused", "why", "the way out"]
    assert len(rows) == sum(line.startswith("| ") for line in whole.splitlines()) - 1
    assert "test_refusals.py" in after
    assert none is None
