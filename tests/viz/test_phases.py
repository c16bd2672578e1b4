"""Fine-tuning after the main phase, and methods without noise, in every figure of a run's records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp.viz import bound, compare, film, kept
from sbp.viz.tables import RunTables, tables
from tests.made_up import write_run


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of 6 epochs and 4 of fine-tuning."""
    return write_run(tmp_path_factory.mktemp("tuned"), epochs=6, finetune_epochs=4)


CHARTS = {
    "kept": lambda t, total: kept.chart(t, total),
    "bound": lambda t, total: bound.chart(t, total),
    "error": lambda t, total: bound.error_chart(t, total),
    "compare": lambda t, total: compare.chart({"A": t}, "loss", total),
}


def rules_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The values that the chart's rules and their names stand on."""
    return [value for layer in spec["layer"] for value in layer.get("data", {}).get("values", []) if "at" in value]


@pytest.mark.parametrize("name", CHARTS)
def test_its_epochs_follow_the_main_phase_behind_a_rule(tuned: Any, name: str) -> None:
    spec = json.loads(CHARTS[name](tables(tuned), tuned.config.schedule.last_epoch).to_json())
    assert {"at": 6, "rule": "fine-tuning"} in rules_of(spec)
    epochs = [row["epoch"] for rows in spec["datasets"].values() for row in rows]
    assert max(epochs) == 10
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1] == 10


@pytest.mark.parametrize("name", CHARTS)
def test_without_fine_tuning_there_is_no_rule(found: RunTables, name: str) -> None:
    assert rules_of(json.loads(CHARTS[name](found, 12).to_json())) == []


def test_what_is_kept_is_that_of_the_last_epoch(tuned: Any) -> None:
    found = tables(tuned)
    assert found.finetuned_from == 6
    assert list(found.after_pretraining["epoch"]) == list(range(1, 11))
    assert kept.counts(found)[-1] == (10, tuned.records()[-1].kept)
    assert kept.describe(found).startswith("At epoch 10 ")


def test_the_film_goes_on_with_the_last_noise(tuned: Any) -> None:
    packed = film.pack(tables(tuned), tuned.config)
    assert packed["epochs"] == list(range(11))
    assert packed["tuned"] == 6
    for layer, raw in zip(tuned.layers, packed["layers"], strict=True):
        assert len(raw["kept"]) == 11
        assert [len(frame) for frame in raw["levels"]] == 11 * [4 * -(-layer.units // 3)]  # base64 of a byte a unit


@pytest.mark.parametrize(
    ("method", "terms", "said"),
    [
        ("sparse-vd", ["data term: NLL", "KL / number of examples", "their sum: the loss"], "the KL adds"),
        ("ssl", ["data term: NLL", "group penalty", "their sum: the loss"], "the group penalty adds"),
        ("original", ["data term: NLL"], "this method adds nothing"),
    ],
)
def test_the_loss_is_drawn_as_the_method_has_it(tmp_path: Path, method: str, terms: list[str], said: str) -> None:
    found = tables(write_run(tmp_path, method=method))
    chart = bound.chart(found, 12)
    spec = json.loads(chart.to_json())
    assert {row["term"] for rows in spec["datasets"].values() for row in rows} == set(terms)
    assert said in chart.description
    assert kept.chart(found, 12).description.startswith("At epoch 12 ")
