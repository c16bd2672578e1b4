"""Presets: what they promise is what their recordings hold, and their names survive only harmless changes."""

from __future__ import annotations

import pytest

from sbp.config import ConfigError
from sbp.presets import FREE, PRESETS, preset_config
from sbp.runs import store

RECORDED = {(run.config.network, run.config.preset): run for run in store.list_runs() if run.recorded}


@pytest.mark.parametrize("key", [key for key in PRESETS if key in RECORDED], ids="-".join)
def test_a_promise_is_the_recordings_figure(key: tuple[str, str]) -> None:
    preset, run = PRESETS[key], RECORDED[key]
    result = run.result
    assert result is not None
    assert preset.error_percent == pytest.approx(result["test_error_percent"], abs=0.005)
    assert preset.reduction == pytest.approx(result["macs_reduction"], abs=0.05)
    assert preset.seconds == {result["device"]: pytest.approx(result["seconds"], abs=0.5)}
    asked = {name: getattr(run.config, name) for name in FREE}
    assert preset.on("mnist").replace(**asked) == run.config


def test_the_paper_presets_are_recorded() -> None:
    assert {key for key in PRESETS if key[1] == "paper"} <= set(RECORDED)


@pytest.mark.parametrize("key", PRESETS, ids="-".join)
def test_a_preset_is_called_custom_once_the_recipe_differs(key: tuple[str, str]) -> None:
    for dataset in ("mnist", "digits"):
        assert preset_config(*key, dataset=dataset, seed=4, threads=1).preset == key[1]
        assert preset_config(*key, dataset=dataset) == PRESETS[key].on(dataset)
    assert preset_config(*key, epochs=3).preset == "custom"
    assert preset_config(*key, epochs=3).epochs == 3


def test_digits_have_values_of_their_own() -> None:
    assert preset_config("lenet-500-300", "quick", dataset="digits").batch_size == 50
    assert preset_config("lenet-500-300", "quick", dataset="digits", batch_size=20).batch_size == 20
    assert preset_config("lenet-500-300", "quick").batch_size == 250


def test_an_unknown_preset_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"lenet-5-caffe \(paper\), got 'quick'"):
        preset_config("lenet-5-caffe", "quick")
