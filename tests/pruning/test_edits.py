"""Pruning and keeping by hand: what a link may say, and laws of the masks that come of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sbp.pruning import edits as by_hand
from sbp.pruning.masks import propagate
from sbp.spec.networks import SPECS

LAYERS = SPECS["lenet-5-caffe"].layers((3, 4, 5))
OWN = propagate(
    {
        "conv1": np.array([1, 0, 1], bool),
        "conv2": np.array([1, 1, 0, 0], bool),
        "features": np.arange(64) % 3 == 0,
        "dense1": np.array([1, 1, 0, 0, 1], bool),
    },
    LAYERS,
)
UNITS = [(layer.name, unit) for layer in LAYERS for unit in range(layer.units)]
EDITS = st.dictionaries(st.sampled_from(UNITS), st.booleans(), max_size=12)


@given(EDITS)
def test_a_link_gives_back_what_was_written(edits: by_hand.Edits) -> None:
    assert by_hand.read(by_hand.write(edits), LAYERS) == (edits, [])


def test_a_plus_typed_into_an_address_arrives_as_a_space() -> None:
    assert by_hand.read("conv1.1 ,conv2.0-", LAYERS)[0] == {("conv1", 1): True, ("conv2", 0): False}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conv1.3-", "has units 0 to 2 only"),
        ("conv9.0+", "The link keeps conv9.0, but this run has no layer conv9"),
        ("conv1", "expected something like dense1.12-"),
        ("conv1.-1-", "expected something like"),
        ("<script>", "expected something like"),
        (",".join(["conv1.0-"] * 201), "201 units by hand; only the first 200"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_taken(text: str, said: str) -> None:
    edits, wrong = by_hand.read(f"conv2.1-,{text}", LAYERS)
    assert edits["conv2", 1] is False
    assert len(wrong) == 1
    assert said in wrong[0] or "202 units" in wrong[0]


@given(EDITS)
def test_the_masks_are_closed_and_no_edit_means_the_same_network(edits: by_hand.Edits) -> None:
    masks = by_hand.apply(OWN, edits, LAYERS)
    for name, mask in propagate(masks, LAYERS).items():
        np.testing.assert_array_equal(mask, masks[name])
    for (name, unit), keep in edits.items():
        if not keep:
            assert not masks[name][unit]
    for name, mask in by_hand.apply(OWN, {}, LAYERS).items():
        np.testing.assert_array_equal(mask, OWN[name])


def test_a_pruned_channel_takes_its_features_along() -> None:
    masks = by_hand.apply(OWN, {("conv2", 1): False}, LAYERS)
    assert not masks["features"][16:32].any()
    assert masks["features"][:16].tolist() == OWN["features"][:16].tolist()


def test_the_last_feature_takes_its_channel_along() -> None:
    edits = {("features", int(f)): False for f in np.flatnonzero(OWN["features"][:16])}
    assert not by_hand.apply(OWN, edits, LAYERS)["conv2"][0]


def test_a_dead_channel_kept_by_hand_brings_its_features_back() -> None:
    masks = by_hand.apply(OWN, {("conv2", 2): True, ("features", 33): False}, LAYERS)
    assert masks["conv2"].tolist() == [True, True, True, False]
    assert masks["features"][32:48].sum() == 15


def test_a_dead_channels_feature_kept_by_hand_brings_it_back_alone() -> None:
    masks = by_hand.apply(OWN, {("features", 50): True}, LAYERS)
    assert masks["conv2"][3]
    assert np.flatnonzero(masks["features"][48:]).tolist() == [2]
    assert not by_hand.apply(OWN, {("features", 50): True, ("conv2", 3): False}, LAYERS)["features"][50]


@given(st.sampled_from(UNITS), st.booleans(), EDITS)
def test_deciding_as_the_network_does_leaves_no_trace(unit: tuple[str, int], keep: bool, edits: by_hand.Edits) -> None:
    after = by_hand.with_edit(edits, OWN, *unit, keep)
    assert (unit in after) == (bool(OWN[unit[0]][unit[1]]) != keep)
    assert after.get(unit, keep) == keep
