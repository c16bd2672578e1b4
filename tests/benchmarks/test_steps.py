"""What the noise adds, measured on the CPU with small batches: the figures are there, and beside their yardstick."""

from __future__ import annotations

import pytest

from sbp.benchmarks import steps
from sbp.spec import RunConfig
from sbp.training.loop import Training


def test_a_step_is_held_beside_the_same_network_without_noise() -> None:
    found = steps.measure("cpu", (8,), rounds=3)
    assert [line.what for line in found.lines] == ["lenet-500-300, batch 8", "lenet-5-caffe, batch 8"]
    assert all(line.n == 3 and line.median > 0 and line.yardstick_median > 0 for line in found.lines)
    assert {line.yardstick for line in found.lines} == {"the same without noise"}


def test_what_is_to_be_reached_stands_beside_the_case_it_is_meant_for() -> None:
    assert steps.REACH["lenet-500-300", 128, "cpu"] == 1.35
    assert set(steps.NETWORKS) == {network for network, _, _ in steps.REACH}


def test_a_whole_training_is_held_beside_as_many_epochs_without_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def tiny(network: str, preset: str, **changes: object) -> RunConfig:
        own = RunConfig.flat(network=network, preset=preset, widths=(6, 4), epochs=2, batch_size=100)
        return own.replace(**changes)

    monkeypatch.setattr(steps, "preset_config", tiny)
    found = steps.train("lenet-500-300", "quick", "cpu", "digits")
    (line,) = found.lines
    assert (line.n, line.unit) == (1, "s")
    assert line.ratio == pytest.approx(line.median / line.yardstick_median)
    assert "digits, seed 0" in found.remarks[0]
    assert "the test set is not read" in found.remarks[0]


def test_with_shrinking_the_same_training_stands_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[RunConfig] = []

    def tiny(network: str, preset: str, **changes: object) -> RunConfig:
        own = RunConfig.flat(network=network, preset=preset, widths=(6, 4), epochs=6, batch_size=100, shrink_after=5)
        return own.replace(**changes)  # a preset that shrinks by itself, as quick does

    def watched(config: RunConfig, source: object) -> Training:
        trained.append(config)
        return Training(config, source)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "preset_config", tiny)
    monkeypatch.setattr(steps, "Training", watched)
    found = steps.train("lenet-500-300", "quick", "cpu", "digits", shrink_after=2)
    shrinks = [(config.method.name, config.schedule.shrink_after) for config in trained]
    assert shrinks == [("original", 0), ("sbp", 0), ("sbp", 2)]
    whole, shrinking = found.lines
    assert shrinking.yardstick_median == whole.median
    assert shrinking.yardstick == "the same without shrinking"
    assert [remark.count("held-out error") for remark in found.remarks] == [1, 1]
