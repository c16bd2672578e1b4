"""Dropout: which units it drops, its moments, and that eval knows nothing of it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sbp.methods.base import Method
from sbp.noise.attach import detach
from sbp.noise.install import noise_of
from tests.methods.cases import built, made

OBJECTS = 2000


def draws(method: Method, seed: int = 0) -> dict[str, Tensor | None]:
    """One draw by the name of the group of units, float64; None where nothing is drawn."""
    network = built(method)
    method.sample_noise_(network, OBJECTS, torch.Generator().manual_seed(seed))
    drawn = noise_of(network)._state.pending
    if drawn is None:
        return dict.fromkeys(noise_of(network).layout.names)
    return dict(noise_of(network).by_group(drawn))


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("name", ["binary-dropout", "gaussian-dropout"])
def test_the_noise_has_mean_1_and_variance_p_over_1_minus_p(name: str, p: float) -> None:
    """Of 2000 x 23 numbers, over seeds: each check fails by chance in 1 of 10^6 runs (4.9 standard errors)."""
    drawn = draws(made(name, "lenet-500-300", dropout=p))["dense1"]
    assert drawn is not None
    assert drawn.shape == (OBJECTS, 23)
    variance, n = p / (1 - p), drawn.numel()
    assert abs(drawn.mean().item() - 1) <= 4.9 * math.sqrt(variance / n)
    # The fourth central moment: 3 v^2 of a normal number; of m / (1 - p) it is v (1 - 3 p (1 - p)) / (1 - p)^2.
    fourth = 3 * variance**2 if name == "gaussian-dropout" else variance * (1 - 3 * p * (1 - p)) / (1 - p) ** 2
    spread = math.sqrt(max(fourth - variance**2, 0) / n)
    assert abs((drawn - 1).square().mean().item() - variance) <= 4.9 * spread + 1e-12
    if name == "binary-dropout":
        assert set(drawn.unique().tolist()) <= {0.0, 1 / (1 - p)}


def test_units_and_objects_are_dropped_independently() -> None:
    """Correlations of 23 neurons over 2000 examples: the largest of 253 exceeds 0.12 in 1 of 10^4 runs at most."""
    drawn = draws(made("binary-dropout", "lenet-500-300"))["dense1"]
    assert drawn is not None
    correlation = torch.corrcoef(drawn.T) - torch.eye(23)
    assert correlation.abs().max() < 0.12


@pytest.mark.parametrize(
    ("network", "dropped"), [("lenet-500-300", {"dense1", "dense2"}), ("lenet-5-caffe", {"dense1"})]
)
def test_hidden_dense_neurons_are_dropped_and_nothing_else(network: str, dropped: set[str]) -> None:
    for name in ("binary-dropout", "gaussian-dropout"):
        found = draws(made(name, network)).items()
        assert {layer for layer, drawn in found if drawn is not None and not (drawn == 1).all()} == dropped
    assert not any(drawn is not None for drawn in draws(made("original", network)).values())


def test_training_multiplies_what_a_neuron_puts_out_and_eval_does_not() -> None:
    method = made("binary-dropout", "lenet-500-300")
    network, x = built(method), torch.rand(5, 784, dtype=torch.float64)
    method.sample_noise_(network, 5, torch.Generator().manual_seed(3))
    pending = noise_of(network)._state.pending
    assert pending is not None
    first, second = (noise_of(network).by_group(pending)[name] for name in ("dense1", "dense2"))
    assert isinstance(first, Tensor)
    assert isinstance(second, Tensor)
    bare = made("original", "lenet-500-300").build().double()
    bare.load_state_dict(network.state_dict())
    detach(bare)
    dense1, dense2, output = map(bare.get_submodule, ("dense1", "dense2", "output"))
    expected = output(torch.relu(dense2(torch.relu(dense1(x)) * first)) * second)
    torch.testing.assert_close(network.train()(x), expected, rtol=1e-12, atol=1e-12)
    plain = bare(x)
    torch.testing.assert_close(network.eval()(x), plain, rtol=1e-12, atol=1e-12)
    method.set_noise_enabled(network.train(), on=False)
    torch.testing.assert_close(network(x), plain, rtol=1e-12, atol=1e-12)
    method.set_noise_enabled(network, on=True)
    method.project_(network)
    torch.testing.assert_close(network(x), plain, rtol=1e-12, atol=1e-12)
