"""What the criteria say of units whose worth is known, and what thresholds and counts make of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from torch import nn

from sbp.networks.describe import described
from sbp.networks.tensors import file_tensors
from sbp.noise.install import noise_of
from sbp.pruning.bmrs import delta_f_normal, delta_f_uniform
from sbp.pruning.criteria import CRITERIA, Criterion, CriterionInputs, keep_top
from sbp.pruning.masks import keep_masks, kept_counts, propagate
from sbp.spec.layout import Group
from tests.pruning.networks import NAMES, random_network


def criterion_inputs(network: nn.Module, seed: int = 0) -> CriterionInputs:
    tensors = {name: tensor.detach().numpy() for name, tensor in file_tensors(network).items()}
    layers = described(network).groups
    return CriterionInputs(
        layers,
        {layer.name: tensors[f"noise.{layer.name}.loc"] for layer in layers},
        {layer.name: tensors[f"noise.{layer.name}.log_scale"] for layer in layers},
        weights=tensors,
        seed=seed,
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
def test_every_criterion_scores_every_unit(name: str, criterion: Criterion) -> None:
    network = random_network(name)
    scores = criterion.score(criterion_inputs(network))
    expected = {group.name: (group.units,) for group in described(network).groups}
    assert {key: value.shape for key, value in scores.items()} == expected
    assert all(value.dtype == np.float64 and np.isfinite(value).all() for value in scores.values())


@pytest.mark.parametrize("name", NAMES)
def test_snr_at_1_keeps_what_the_layers_themselves_keep(name: str) -> None:
    network = random_network(name)
    masks = keep_masks(CRITERIA["snr"].score(criterion_inputs(network)), 1.0)
    for key, keep in noise_of(network).keep.items():
        assert masks[key].tolist() == keep.tolist()


@pytest.mark.parametrize(("key", "delta_f"), [("bmrs_n", delta_f_normal), ("bmrs_u", delta_f_uniform)])
def test_bmrs_removes_where_the_evidence_grows(key: str, delta_f: Callable[..., np.ndarray]) -> None:
    loc, log_scale = np.array([-15.0, -16.0, -1.0, 0.0]), np.array([2.0, 2.0, -1.0, -5.0])
    inputs = CriterionInputs((Group("dense1", "neuron", 4, (4,)),), {"dense1": loc}, {"dense1": log_scale}, -20.0, 0.0)
    assert CRITERIA[key].natural == 0
    masks = keep_masks(CRITERIA[key].score(inputs), 0.0)
    assert masks["dense1"].tolist() == (delta_f(loc, log_scale) < 0).tolist() == [False, False, True, True]


def test_l1_is_a_filter_a_row_or_a_column() -> None:
    """By hand, with weights whose sums are seen at a glance."""
    network = random_network("lenet-5-caffe")
    inputs = criterion_inputs(network)
    weights = dict(inputs.weights)
    weights["conv2.weight"] = np.ones((7, 5, 5, 5)) * np.arange(7)[:, None, None, None]
    weights["dense1.weight"] = -np.ones((19, 112))
    weights["dense1.weight"][:, 3] = 2
    weights["dense1.weight"][4] = 0.5
    scores = CRITERIA["l1"].score(CriterionInputs(inputs.layers, inputs.loc, inputs.log_scale, weights=weights))
    assert scores["conv2"].tolist() == [125 * i for i in range(7)]
    assert scores["dense1"].tolist() == [56.0 if row == 4 else 113.0 for row in range(19)]
    assert scores["features"].tolist() == [36.5 if column == 3 else 18.5 for column in range(112)]
    assert scores["conv1"].tolist() == pytest.approx(
        np.abs(weights["conv1.weight"]).reshape(5, -1).sum(axis=1).tolist()
    )


def test_pixels_are_scored_by_their_columns() -> None:
    network = random_network("lenet-500-300")
    scores = CRITERIA["l1"].score(criterion_inputs(network))
    columns = network.dense1.weight.detach().numpy()  # type: ignore[union-attr,operator]
    assert scores["input"].tolist() == pytest.approx([float(sum(abs(columns[:, i]))) for i in range(784)])


def test_a_channel_that_several_layers_add_up_in_owns_a_filter_of_each() -> None:
    network = random_network("resnet-20")
    scores = CRITERIA["l1"].score(criterion_inputs(network))
    makers = ("stages.1.0.conv2", "stages.1.0.shortcut.0", "stages.1.1.conv2", "stages.1.2.conv2")
    filters = [network.get_parameter(f"{name}.weight").detach()[4].abs().sum() for name in makers]
    assert scores["stages.1.0.conv2"][4] == pytest.approx(float(sum(filters)))


def test_l1_says_what_it_lacks() -> None:
    inputs = criterion_inputs(random_network("lenet-500-300"))
    without = CriterionInputs(inputs.layers, inputs.loc, inputs.log_scale)
    with pytest.raises(ValueError, match=r"dense1.weight with 784 entries on axis 1, got none; give CriterionInputs"):
        CRITERIA["l1"].score(without)
    unknown = CriterionInputs((Group("other", "neuron", 1, (1,)),), {}, {})
    with pytest.raises(ValueError, match=r"no known network has the groups \['other'\]"):
        CRITERIA["l1"].score(unknown)


def test_the_lot_follows_the_seed() -> None:
    network = random_network("lenet-500-300")
    one, same, other = (CRITERIA["random"].score(criterion_inputs(network, seed)) for seed in (0, 0, 1))
    for name in one:
        assert one[name].tolist() == same[name].tolist() != other[name].tolist()
    assert one["dense1"][:17].tolist() != one["dense2"].tolist()


def test_keep_top_takes_the_best_and_the_first_of_equals() -> None:
    scores = {"dense1": np.array([3.0, 1.0, 3.0, 2.0, 3.0])}
    for count, kept in enumerate(([], [0], [0, 2], [0, 2, 4], [0, 2, 3, 4], [0, 1, 2, 3, 4])):
        assert keep_top(scores, {"dense1": count})["dense1"].nonzero()[0].tolist() == kept


def test_features_are_taken_from_kept_channels_and_each_keeps_one() -> None:
    layers = (Group("conv", "channel", 3, (3,)), Group("map", "feature", 6, (3, 2, 1), parent="conv"))
    scores = {"conv": np.array([2.0, 9.0, 5.0]), "map": np.array([99.0, 98.0, 1.0, 7.0, 3.0, 2.0])}
    masks = keep_top(scores, {"conv": 2, "map": 2}, layers)
    assert masks["conv"].tolist() == [False, True, True]
    assert masks["map"].tolist() == [False, False, False, True, True, False]


@pytest.mark.parametrize("key", ["l1", "random"])
def test_closed_counts_can_be_had_by_any_score(key: str) -> None:
    """The law that yardsticks rest on: the same count a layer as what they are compared with, after closing."""
    network = random_network("lenet-5-caffe")
    inputs, layers = criterion_inputs(network), described(network).groups
    snr = CRITERIA["snr"].score(inputs)
    names = [layer.name for layer in layers]
    for threshold in np.geomspace(0.3, 30, 20):
        counts = kept_counts({name: snr[name] >= threshold for name in names}, layers)
        wanted = dict(zip(names, counts, strict=True))
        masks = keep_top(CRITERIA[key].score(inputs), wanted, layers)
        assert kept_counts(masks, layers) == counts
        assert all((masks[name] == propagate(masks, layers)[name]).all() for name in names)
