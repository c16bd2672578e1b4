"""The MACs that pages show of a network that is not ours, dense and pruned, are those that hooks count as it runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import sbp
from sbp.pruning.masks import kept_counts, propagate
from sbp.tracking.described import description, network_of
from tests.noise import law
from tests.noise.test_law import WHOLE
from tests.noise.zoo import ZOO

# Two convolutions make the same unit, or one makes a unit twice.
TIED = {"pytorchcv/ghostnet", "pytorchcv/nasnet"}
QUICK = {"mlp", "conv1d", "resnet20", "densenet", "depthwise", "autoencoder", "grouped", "shared", "transformers/swin"}
NAMES = [name for name in ZOO if name not in WHOLE | TIED and ZOO[name].readable]


def described(name: str) -> tuple[Any, Any, Any]:
    model, inputs = ZOO[name].build(), ZOO[name].example_input(2)
    noise = sbp.attach(model, inputs)
    return model, inputs, description(network_of(model)[0], noise, inputs, "")


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_macs_are_those_of_the_compact_network(name: str) -> None:
    model, inputs, found = described(name)
    assert 2 * found.dense_macs() == law.macs(model, inputs)  # of two examples
    draw = np.random.default_rng(0)
    masks = propagate({g.name: np.append(True, draw.random(g.units - 1) < 0.6) for g in found.groups}, found.groups)
    small = sbp.compact(model, masks)
    assert 2 * found.macs(kept_counts(masks, found.groups)) == law.macs(small, inputs) < law.macs(model, inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(TIED))
def test_units_that_are_made_twice_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="features.*MACs"):
        described(name)
