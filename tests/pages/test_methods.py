"""Page Methods: with recorded results, with some, with none; rows lead to their runs, and the view is the link's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.methods import table as methods_table
from pages.shared import state
from sbp.experiments import results
from sbp.experiments.plans import PLANS
from sbp.viz import methods, methods_chart
from tests import made_results
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, texts

PAGE = "methods"


@pytest.fixture(autouse=True)
def no_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place for results."""
    place = tmp_path / "results"
    monkeypatch.setattr(results, "results_root", lambda: place)
    return place


@pytest.fixture
def found(no_results: Path) -> Path:
    """Results of Table 1 and of the interval, made up."""
    return made_results.write(no_results, made_results.table_1(), made_results.interval())


def recording(root: Path, name: str, **changes: Any) -> str:
    """A recorded run of this name."""
    run = write_run(root, **changes)
    shutil.move(run.folder, run.folder.with_name(name))
    return name


def links(at: AppTest) -> list[tuple[str, str]]:
    return [(link.proto.page, link.proto.query_string) for link in at.get("page_link")]


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")]


def the_table(at: AppTest) -> Any:
    return at.dataframe[0].value


def test_without_results_the_paper_stands_alone_and_commands_are_named() -> None:
    at = healthy(opened(PAGE))
    said = texts(at)
    for name in ("table-1", "figure-1", "interval"):
        assert f"python -m sbp reproduce {name}" in said
    assert list(the_table(at)["method"])[:4] == ["Original (paper)", "SparseVD (paper)", "SSL (paper)", "SBP (paper)"]
    assert "**SBP (paper)**: 1.55 % test error (n = 10,000), 11.2× fewer MACs (48.5 kMACs)" in said


def test_ours_stand_beside_the_papers(found: Path) -> None:
    at = healthy(opened(PAGE))
    table = the_table(at)
    rows = dict(zip(table["method"], table.itertuples(), strict=True))
    order = list(table["method"])
    assert order.index("SBP (paper)") == order.index("SBP") + 1
    sbp = table[table["method"] == "SBP"].iloc[0]
    assert sbp["test error, %"] == "1.46 ± 0.12 (0.05)"
    assert sbp["kMACs"] == "34.9"
    assert sbp["seeds"] == "3"
    assert sbp["units kept"] == "220–130–45"
    assert sbp["KL weights"] == "plain"
    assert sbp["CPU speed-up"].count("/") == 2
    assert rows["BB dropout, 17x"] is not None
    assert table[table["method"] == "VIBNet"].iloc[0]["kMACs"] == "9.56"
    said = texts(at)
    assert "SBP 1.46 % at" in said
    assert "ours are means of 3 seeds" in said
    assert "60,000 training images" in said
    assert "its run does not ship with the app" in said


def test_another_network_by_link_and_a_wrong_one_is_said(found: Path) -> None:
    at = healthy(opened(PAGE, network="lenet-5-caffe", row="sbp"))
    assert "KL weights 60, 60, 1, 1" in texts(at)
    assert "BC-GHS" in list(the_table(at)["method"])
    at = healthy(opened(PAGE, network="alexnet"))
    assert any("network = `'alexnet'`" in warning.value for warning in at.warning)
    (warning,) = healthy(opened(PAGE, row="nope")).warning
    assert "row = `'nope'`" in warning.value
    assert not healthy(opened(PAGE, row="ssl")).warning
    assert "220–130–45" in texts(at)


def test_a_deep_network_at_two_widths_by_link(no_results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_results.write(no_results, made_results.table_1(), made_results.table_2())
    monkeypatch.setitem(PLANS, "table-2", made_results.plan_2())
    at = healthy(opened(PAGE, network="vgg-like"))
    order = list(the_table(at)["method"])
    assert order.index("SBP, k = 1.5 (paper)") == order.index("SBP, k = 1.5") + 1
    assert {"CHIP", "HRankPlus", "OTOv2", "CORING, 4.7x", "NORTON, 8.3x"} <= set(order)
    said = texts(at)
    assert "VGG-like on CIFAR-10" in said
    assert "**SBP, k = 1**: 6.50 % test error" in said
    assert "KL weights MACs^0.5" in texts(healthy(opened(PAGE, network="vgg-like", row="sbpa-half")))


def test_pruners_of_torch_pruning_stand_beside_table_1(no_results: Path) -> None:
    made_results.write(no_results, made_results.table_1(), made_results.torch_pruning())
    methods_of = list(the_table(healthy(opened(PAGE)))["method"])
    assert methods_of.count("SBP") == 1
    assert "magnitude" in methods_of
    assert "magnitude-fashion" not in methods_of


def test_another_data_set_is_another_comparison_without_the_papers_rows(no_results: Path) -> None:
    made_results.write(no_results, made_results.table_1(), made_results.torch_pruning())
    at = healthy(opened(PAGE, network="lenet-500-300-fashion-mnist"))
    assert list(the_table(at)["method"]) == ["magnitude-fashion"]
    assert "LeNet-500-300 on Fashion-MNIST" in texts(at)
    assert "the paper’s too" not in texts(at)


def test_a_network_without_results_shows_the_papers_and_names_its_command(found: Path) -> None:
    at = healthy(opened(PAGE, network="vgg-like"))
    assert "python -m sbp reproduce table-2" in texts(at)
    assert "SBP with KL weights, k = 1.5 (paper)" in list(the_table(at)["method"])


def test_a_row_leads_to_its_recorded_run(found: Path, no_recordings: Path) -> None:
    noisy = recording(no_recordings, "table-1-lenet-500-300-sbp")
    plain = recording(no_recordings, "table-1-lenet-500-300-ssl", method="ssl")
    at = healthy(opened(PAGE))
    assert {page for page, query in links(at) if f"run={noisy}" in query} >= {"train", "channels", "threshold"}
    at = healthy(opened(PAGE, row="ssl"))
    assert {page for page, query in links(at) if f"run={plain}" in query} == {"train"}


def test_a_click_goes_into_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = methods.entries(made_results.table_1().of("lenet-500-300"), (), (), made_results.AGAINST)
    page = SimpleNamespace(query_params={}, session_state={"t": {"selection": {"rows": [2]}}})
    for module in (methods_table, state):
        monkeypatch.setattr(module, "st", page)
    methods_table._row("t", entries)
    assert page.query_params == {"row": "ssl"}
    page.session_state["t"] = {"selection": {methods_chart.PICK: [{"key": "paper-SBP"}]}}
    methods_table._point("t")
    assert page.query_params == {"row": "paper-SBP"}
    selections: tuple[dict[str, Any], ...] = ({methods_chart.PICK: {}}, {})
    for selection in selections:
        page.session_state["t"] = {"selection": selection}
        methods_table._point("t")
        assert page.query_params == {}


def test_the_chosen_row_is_told(found: Path) -> None:
    assert "**SSL**: 1.58 %" in texts(healthy(opened(PAGE, row="ssl")))
    said = texts(healthy(opened(PAGE, row="others-BB dropout, 31x")))
    assert "**BB dropout, 31x**: 1.60 % test error, 30.6× fewer MACs (17.8 kMACs)" in said
    assert "protocol: last epoch" in said
    assert "**SBP**: 1.46 %" in texts(healthy(opened(PAGE, row="nonsense")))


def test_figure_1_is_drawn_from_the_two_recordings(found: Path, no_recordings: Path) -> None:
    recording(no_recordings, "figure-1-trained")
    assert "Figure 1 has no recorded results" in texts(healthy(opened(PAGE)))
    recording(no_recordings, "figure-1-fixed-mu", method="sbp-fixed-mu", seed=2)
    at = healthy(opened(PAGE))
    assert "N·NLL + KL at the last epoch: mu and sigma trained" in texts(at)
    assert {"run=figure-1-trained", "run=figure-1-fixed-mu"} <= {query for _, query in links(at)}


def test_the_interval_is_told_from_its_numbers(found: Path) -> None:
    said = texts(healthy(opened(PAGE)))
    assert "From a = −5 to −40 the test error lies between 1.47 and 1.53 %" in said
    assert "at b − a = 3, below 3.83, the prior’s own SNR is 1.2" in said
    assert "100 % of the units are kept" in said


def test_a_corrupt_file_is_as_good_as_none(no_results: Path) -> None:
    no_results.mkdir()
    (no_results / "table-1.json").write_text("{", encoding="utf-8")
    assert "python -m sbp reproduce table-1" in texts(healthy(opened(PAGE)))


def test_the_pixels_are_a_page_of_their_own(recorded: str) -> None:
    at = healthy(opened(PAGE))
    assert ("pixels", f"run={recorded}") in links(at)


def test_the_chart_names_what_is_clicked(found: Path) -> None:
    (frontier, *_) = charts(healthy(opened(PAGE)))
    assert methods_chart.PICK in json.dumps(frontier)
