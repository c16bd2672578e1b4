"""Presets: their recorded runs keep what they promise, and only harmless changes keep their names."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sbp.data.datasets import load
from sbp.runs import store
from sbp.spec import DATASETS, ConfigError, fits
from sbp.spec.presets import FREE, PRESETS, preset_config
from sbp.spec.records import Record
from sbp.training.loop import Training

RECORDED = {(run.config.network.name, run.config.preset): run for run in store.list_runs() if run.recorded}


@pytest.mark.parametrize("key", [key for key in PRESETS if key in RECORDED], ids="-".join)
def test_a_recorded_run_keeps_its_presets_promise(key: tuple[str, str]) -> None:
    preset, run = PRESETS[key], RECORDED[key]
    result = run.result
    assert result is not None
    # A bound that the run keeps, and no more than what seeds and machines need beyond it.
    assert preset.error_percent - 0.25 <= result["test_error_percent"] <= preset.error_percent
    reduction = result["macs_reduction"] or math.inf
    assert preset.reduction <= reduction <= 1.25 * preset.reduction
    # A sentence promises no time, and one thread beside other jobs measured none.
    if not preset.outcome and not run.config.threads:
        assert preset.seconds == {result["device"]: pytest.approx(result["seconds"], abs=0.5)}
    asked = {name: run.config.value(name) for name in FREE}
    assert preset.on(preset.config.data.dataset).replace(**asked) == run.config


def test_the_paper_presets_are_recorded() -> None:
    assert {key for key in PRESETS if key[1] == "paper"} <= set(RECORDED)


@pytest.mark.parametrize("key", PRESETS, ids="-".join)
def test_a_preset_is_called_custom_once_the_recipe_differs(key: tuple[str, str]) -> None:
    for dataset in (name for name in DATASETS if fits(key[0], name)):
        assert preset_config(*key, dataset=dataset, seed=4, threads=1).preset == key[1]
        assert preset_config(*key, dataset=dataset) == PRESETS[key].on(dataset)
    assert preset_config(*key, epochs=3).preset == "custom"
    assert preset_config(*key, epochs=3).schedule.epochs == 3


def test_digits_have_values_of_their_own() -> None:
    assert preset_config("lenet-500-300", "quick", dataset="digits").optimisation.batch_size == 50
    assert preset_config("lenet-500-300", "quick", dataset="digits", batch_size=20).optimisation.batch_size == 20
    assert preset_config("lenet-500-300", "quick").optimisation.batch_size == 250


def test_an_unknown_preset_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"lenet-5-caffe \(paper, quick, fast\), got 'best'"):
        preset_config("lenet-5-caffe", "best")


def raced(name: str, **changes: Any) -> list[Record]:
    """Records of a preset's race at its own rates: 200 digits, a network of two times 100 neurons."""
    small = {"widths": (100, 100), "train_size": 200, "batch_size": 20, "device": "cpu", "threads": 1}
    config = PRESETS["lenet-500-300", name].on("digits").replace(**small, **changes)
    assert config.data.random_labels
    return [event for event in Training(config, load("digits")).events() if isinstance(event, Record)]


@pytest.mark.slow
def test_with_slow_noise_random_labels_are_learnt_by_heart() -> None:
    last = raced("memorise", epochs=200)[-1]
    assert last.train_error_percent is not None
    assert last.train_error_percent < 10
    assert min(last.kept) > 0
    assert last.validation_error_percent is not None
    assert last.validation_error_percent > 75


def test_with_fast_noise_every_unit_goes_before_a_label_is_learnt() -> None:
    records = raced("collapse", epochs=40)
    assert records[-1].kept == (0, 0, 0)
    assert records[-1].train_error_percent is not None
    assert records[-1].train_error_percent > 75
    assert records[-1].nll == pytest.approx(math.log(10), abs=0.05)


@pytest.mark.parametrize("name", ["memorise", "collapse"])
def test_what_a_race_promises_is_a_sentence_of_its_own(name: str) -> None:
    preset = PRESETS["lenet-500-300", name]
    assert preset.promise == preset.outcome
    assert "fewer MACs" not in preset.promise
