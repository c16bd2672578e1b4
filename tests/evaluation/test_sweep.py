"""The sweep: every point is what the masked network says, and the points are those that were promised."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sbp.compaction import masked
from sbp.compaction.folded import Folded
from sbp.evaluation import sweep as module
from sbp.evaluation.sweep import Cancelled, criterion_inputs, sweep
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from sbp.pruning.bmrs import RELEASED_CODE_OFFSET
from sbp.pruning.criteria import CRITERIA
from sbp.pruning.masks import keep_masks
from tests.pruning.networks import NAMES, images, images_for, kept_of, present_of, random_network

N = 40
LABELS = torch.arange(N) % 10


@pytest.fixture(scope="module", params=NAMES)
def swept(request: pytest.FixtureRequest) -> tuple[nn.Module, dict[str, Any]]:
    network = random_network(request.param)
    return network, sweep(network, images_for(network, N), LABELS, "training", seed=3, hardware="a test")


def test_it_is_json_of_the_promised_form(swept: tuple[nn.Module, dict[str, Any]]) -> None:
    _, found = swept
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["objects"], found["n"], found["natural"]) == ("training", N, "snr")
    assert {name: entry["natural"] for name, entry in found["criteria"].items()} == {
        "snr": 1.0,
        "bmrs_n": 0.0,
        "bmrs_u": 0.0,
        "l1": None,
        "random": None,
    }
    for entry in found["criteria"].values():
        for point in entry["points"]:
            assert set(point) == {"threshold", "kept", "macs", "params", "error_percent", "nll"}
        thresholds = [point["threshold"] for point in entry["points"]]
        assert thresholds == sorted(set(thresholds))
        assert entry["natural"] is None or entry["natural"] in thresholds
    snr = [point["threshold"] for point in found["criteria"]["snr"]["points"]]
    assert (snr[0], snr[-1], len(snr)) == (0.2, 100.0, 61)
    assert RELEASED_CODE_OFFSET in [point["threshold"] for point in found["criteria"]["bmrs_n"]["points"]]
    ensemble = found["ensemble"]
    assert [entry["samples"] for entry in ensemble["samples"]] == [1, 2, 5, 10, 20]
    assert (ensemble["n"], ensemble["hardware"]) == (N, "a test")


@pytest.mark.parametrize("name", ["snr", "bmrs_n", "bmrs_u"])
def test_a_point_is_what_the_masked_network_says(swept: tuple[nn.Module, dict[str, Any]], name: str) -> None:
    network, found = swept
    scores = CRITERIA[name].score(criterion_inputs(network))
    for point in found["criteria"][name]["points"][::5]:
        masks = keep_masks(scores, point["threshold"])
        with torch.no_grad():
            logits = masked(network, masks)(images_for(network, N))
        assert point["kept"] == kept_of(network, masks)
        assert point["nll"] == pytest.approx(float(functional.cross_entropy(logits, LABELS)), rel=1e-9)
        assert point["error_percent"] == 100 * int((logits.argmax(1) != LABELS).sum()) / N
        if point["kept"] == present_of(network, masks):
            small = Folded(network).cut(masks)
            assert point["params"] == sum(parameter.numel() for parameter in small.parameters())
        assert point["macs"] == described(network).macs(point["kept"])


def test_yardsticks_keep_as_many_of_each_layer_as_the_snr(swept: tuple[nn.Module, dict[str, Any]]) -> None:
    _, found = swept
    counts = {point["threshold"]: point["kept"] for point in found["criteria"]["snr"]["points"]}
    for name in ("l1", "random"):
        points = found["criteria"][name]["points"]
        assert {point["threshold"]: point["kept"] for point in points} == counts
        mine = [point["nll"] for point in points]
        assert mine != [point["nll"] for point in found["criteria"]["snr"]["points"]], "other units, though"


def test_equal_masks_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that knows three kinds of unit has few different masks, however many thresholds there are."""
    network, asked = random_network("lenet-500-300"), []
    with torch.no_grad():
        noise = joint_noise_of(network)
        noise.loc.fill_(-0.5)
        kinds = [torch.tensor([-2.0, -1.0, 4.0])[torch.arange(units) % 3] for units in noise.layout.sizes]
        noise.log_scale.copy_(torch.cat(kinds))
    real = module.error_and_nll
    monkeypatch.setattr(module, "error_and_nll", lambda *given: asked.append(1) or real(*given))  # type: ignore[func-returns-value]
    found = sweep(network, images(N), LABELS)
    distinct = {tuple(point["kept"]) for point in found["criteria"]["snr"]["points"]}
    assert len(distinct) == 4
    # At most: all, two thirds, one third and nothing by each of SNR, the two of BMRS (in their order), L1 and lot.
    assert len(asked) <= 4 * 5


def test_the_network_is_left_as_it_was() -> None:
    network = random_network("lenet-500-300").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    sweep(network, images(N), LABELS)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_it_ends_when_told() -> None:
    answers = iter([False, False, True])
    with pytest.raises(Cancelled):
        sweep(random_network("lenet-500-300"), images(N), LABELS, cancelled=lambda: next(answers))


def test_a_score_without_a_finite_number_keeps_everything() -> None:
    """BMRS_U on an interval too short for it."""
    assert module.quantile_thresholds({"dense1": np.full(3, np.inf)}, "bmrs_u") == [0.0]
