"""Calibration: ECE and Brier by hand, and the networks of a run, each as the library itself has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.compaction.compact import masks_of
from sbp.compaction.weights import network_of
from sbp.data import datasets
from sbp.evaluation.calibration import calibration, held_out_errors, scores
from sbp.evaluation.ensemble import ensemble
from tests.made_up import write_run
from tests.made_up_weights import with_weights


def test_a_forecast_that_keeps_its_word_is_calibrated() -> None:
    p = torch.tensor([[0.75, 0.25]] * 4, dtype=torch.float64)
    found = scores(p.log(), torch.tensor([0, 0, 0, 1]))
    assert found["ece_percent"] == pytest.approx(0, abs=1e-12)
    assert found["brier"] == pytest.approx(2 * (3 * 0.25**2 + 0.75**2) / 4)
    assert found["error_percent"] == 25


def test_bins_are_of_equal_width_and_weighted_by_what_is_in_them() -> None:
    p = torch.tensor([[0.95, 0.05], [0.95, 0.05], [0.95, 0.05], [0.55, 0.45]], dtype=torch.float64)
    found = scores(p.log(), torch.tensor([0, 0, 1, 1]), bins=10)
    assert found["ece_percent"] == pytest.approx(100 * (3 / 4 * (0.95 - 2 / 3) + 1 / 4 * 0.55))
    assert scores(p.log(), torch.tensor([0, 0, 1, 1]), bins=1)["ece_percent"] == pytest.approx(100 * (0.85 - 0.5))


def test_certainty_falls_into_the_last_bin() -> None:
    p = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert scores(p.log(), torch.tensor([0]))["ece_percent"] == 0


def test_a_runs_networks(tmp_path: Path) -> None:
    view = with_weights(write_run(tmp_path))
    found = calibration(view, samples=3)
    networks = found["networks"]
    assert list(networks) == ["dense", "masked", "compact", "one theta", "ensemble of 3"]
    for name, value in networks["masked"].items():
        assert networks["compact"][name] == pytest.approx(value, rel=1e-3)
    data = datasets.load("digits")
    network = network_of(view.config, view.model_path)
    images = datasets.as_inputs("digits", data.test_images)
    for samples, name in ((1, "one theta"), (3, "ensemble of 3")):
        (other,) = ensemble(network, images, data.test_labels, samples=(samples,))["samples"]
        assert networks[name]["nll"] == pytest.approx(other["nll"])
        assert networks[name]["error_percent"] == pytest.approx(other["error_percent"])
    assert (found["n"], found["bins"]) == (len(data.test_labels), 15)


def test_held_out_errors_are_of_each_mask(tmp_path: Path) -> None:
    view = with_weights(write_run(tmp_path, validation_size=100))
    whole = masks_of(network_of(view.config, view.model_path))
    none = {name: np.zeros_like(mask) for name, mask in whole.items()}
    first, second = held_out_errors(view, [whole, none])
    assert first["n"] == second["n"] == 100
    assert first["nll"] != second["nll"]
    with pytest.raises(ValueError, match="held images out"):
        held_out_errors(with_weights(write_run(tmp_path, validation_size=0)), [whole])
