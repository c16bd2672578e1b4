"""Files of searches: what they may say, and the sentence for what they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sbp.search.plan import SearchPlan, read_plan
from sbp.spec import ConfigError
from tests.search.made import BASE, plan

TEXT = """
name: rates
base: {dataset: digits, network: lenet-500-300, preset: quick, validation_size: 100}
search:
  noise_lr: {low: 1.0e-3, high: 0.1, log: true}
  network.widths: [[50, 30], [20, 10]]
seeds: [3, 4]
budget: 11
sampler: tpe
"""


def written(tmp_path: Path, text: str) -> SearchPlan:
    path = tmp_path / "search.yaml"
    path.write_text(text)
    return read_plan(path)


def test_a_file_says_fields_by_either_name_and_a_preset(tmp_path: Path) -> None:
    found = written(tmp_path, TEXT)
    found.check()
    assert (found.trials, found.batch) == (5, 8)
    config = found.config({"noise_lr": 0.01, "network.widths": [50, 30]}, 7, seed=4)
    assert config.network.widths == (50, 30)
    assert (config.seed, config.preset, config.optimisation.noise_lr) == (4, "rates-0007", 0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "does not parse"),
        ("- 1", "got list"),
        ("!!python/object/apply:os.getcwd []", "does not parse"),
        (TEXT.replace("tpe", "hope"), "sampler"),
        (TEXT.replace("rates", "../rates"), "name"),
        (TEXT.replace("noise_lr", "noise_rate"), "noise_rate"),
        (TEXT.replace("network.widths: [[50, 30], [20, 10]]", "seed: [1]"), "seeds"),
    ],
)
def test_what_no_search_is_gets_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        written(tmp_path, text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base": {**BASE, "validation_size": 0}}, "validation_size"),
        ({"search": {"validation_size": [50, 0]}}, "validation_size"),
        ({"search": {"noise_lr": {"low": 0.1, "high": 0.2}}}, "sampler"),
        ({"sampler": "random"}, "budget"),
        ({"budget": 1}, "budget"),
        ({"search": {"noise_lr": []}}, "search.noise_lr"),
        ({"search": {"noise_lr": [0.1, -1.0]}}, "noise_lr"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_before_it_begins(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        plan(**changes).check()
