"""Configs that were written flat, before there were sections, mean what they meant; those in sections as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp.experiments.plans import PLANS
from sbp.experiments.running import identity
from sbp.spec import ConfigError, RunConfig, run_fields

RUNS = sorted((Path(__file__).parents[2] / "assets" / "runs").glob("*/config.json"))
RESULTS = sorted((Path(__file__).parents[2] / "assets" / "results").glob("*.json"))


def plain(values: Any) -> Any:
    """Tuples as lists, as a file has them."""
    return json.loads(json.dumps(values))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: str(path.parent.name))
def test_a_recorded_config_reads_as_it_was_written(path: Path) -> None:
    written = json.loads(path.read_text(encoding="utf-8"))
    config = RunConfig.from_dict(written)
    defaults = {name: field.default for name, field in run_fields().items()}
    if any(isinstance(value, dict) for value in written.values()):
        whole = json.loads(RunConfig.flat(method=config.method.name).to_json())  # what a field added since stands at
        filled = {key: {**whole[key], **part} if isinstance(part, dict) else part for key, part in written.items()}
        assert json.loads(config.to_json()) == filled
    else:
        assert plain(config.to_flat()) == {**plain(defaults), **written}
    assert RunConfig.from_json(config.to_json()) == config


def test_recordings_are_known_as_the_runs_of_their_plans() -> None:
    """The run that stands for each planned row, read from its file, is the planned recipe."""
    recorded = {path.parent.name: RunConfig.from_json(path.read_text(encoding="utf-8")) for path in RUNS}
    found = [
        (plan.recording(row), identity(row.recipe.replace(seed=recorded[plan.recording(row)].seed)))
        for plan in PLANS.values()
        for row in plan.rows
        if plan.recording(row) in recorded
    ]
    assert len(found) > 30
    assert [name for name, key in found if identity(recorded[name]) != key] == []


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: str(path.stem))
def test_the_configs_of_kept_tables_read_as_they_were_written(path: Path) -> None:
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    configs = [run["config"] for row in rows for run in row["runs"]]
    assert configs
    for written in configs:
        read = plain(RunConfig.from_dict(written).to_flat())
        assert {name: read[name] for name in written} == written


def test_a_flat_file_with_settings_of_another_method_opens_without_them() -> None:
    """They were allowed once, and had no effect."""
    written = {"method": "ssl", "group_penalty": 0.1, "dropout": 0.3, "kl_exponent": 0.8}
    assert RunConfig.from_dict(written) == RunConfig.flat(method="ssl", group_penalty=0.1)
    assert RunConfig.from_dict({"kl_weights": [1, 1, 1]}) == RunConfig()
    with pytest.raises(ConfigError, match="kl_weights"):
        RunConfig.from_dict({"kl_weights": [2, 1, 1]})
