"""Ensembling: the copies are what the full network with that theta is, and it is probabilities that are averaged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.compaction.compact import kept_units
from sbp.evaluation.ensemble import Sampler, ensemble, error_and_nll, log_probabilities
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from tests.pruning.networks import NAMES, images, images_for, random_network


def full_copies(network: nn.Module, n: int, seed: int) -> list[Tensor]:
    """Class probabilities of n draws the plain way: theta handed to the whole network, with zeros in place."""
    generator, found, noise = torch.Generator().manual_seed(seed), [], joint_noise_of(network)
    keep = torch.from_numpy(kept_units(noise))
    network.eval()  # a batch normalisation takes its running statistics
    for _ in range(n):
        with torch.no_grad(), noise.using(theta=noise.draw(1, generator) * keep):
            found.append(network(images_for(network)).softmax(1))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_whole_network_with_that_theta(name: str) -> None:
    network = random_network(name)
    sampler = Sampler(network, seed=3)
    copies = []
    for _ in range(3):
        with sampler.drawn() as drawn:
            copies.append(log_probabilities(drawn, images_for(network)).exp())
    assert not torch.allclose(copies[0], copies[1])
    for mine, plain in zip(copies, full_copies(network, 3, seed=3), strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_averaged(name: str) -> None:
    """NLL and error of the mean of softmaxes, not of logits, and the first K of one sequence."""
    network, labels = random_network(name), torch.arange(7)
    with torch.no_grad():
        network.get_parameter("output.weight").mul_(30)  # so that the copies differ, and the two averages with them
    found = ensemble(network, images_for(network), labels, samples=(1, 4), seed=5)
    draws = torch.stack(full_copies(network, 4, seed=5))
    for entry in found["samples"]:
        p = draws[: entry["samples"]].mean(0)
        assert entry["nll"] == pytest.approx(float(functional.nll_loss(p.log(), labels)), rel=1e-9)
        assert entry["error_percent"] == pytest.approx(100 * float((p.argmax(1) != labels).double().mean()))
    of_logits = draws.log().mean(0).log_softmax(1)
    assert abs(found["samples"][1]["nll"] - float(functional.nll_loss(of_logits, labels))) > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_without_spread_every_draw_is_the_mean_network(name: str) -> None:
    """sigma = e^-8 inside the support: theta is its mean to 3e-4, in each layer."""
    network, labels = random_network(name), torch.arange(7)
    with torch.no_grad():
        joint_noise_of(network).loc.clamp_(max=-0.1)
        joint_noise_of(network).log_scale.fill_(-8.0)
    found = ensemble(network, images_for(network), labels, samples=(1, 5))
    for entry in found["samples"]:
        assert entry["nll"] == pytest.approx(found["mean"]["nll"], abs=1e-3, rel=3e-4 * len(described(network).groups))
        assert entry["error_percent"] == found["mean"]["error_percent"]


def test_deterministic_by_seed_and_the_network_is_untouched() -> None:
    network, labels = random_network("lenet-5-caffe"), torch.arange(7)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def nll(seed: int) -> list[float]:
        return [entry["nll"] for entry in ensemble(network, images(), labels, (1, 2), seed)["samples"]]

    one, same, other = nll(0), nll(0), nll(1)
    assert one == same != other
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_each_k_takes_longer_than_the_one_before() -> None:
    found = ensemble(random_network("lenet-500-300"), images(), torch.arange(7))
    seconds = [entry["seconds"] for entry in found["samples"]]
    assert [entry["samples"] for entry in found["samples"]] == [1, 2, 5, 10, 20]
    assert seconds == sorted(seconds)
    assert found["mean"]["seconds"] > 0
    assert found["n"] == 7


def test_behind_a_group_that_keeps_nothing_the_noise_goes_on() -> None:
    """Nothing of the image comes through, but what is behind draws its theta still: one answer a copy, as whole."""
    network = random_network("lenet-500-300")
    noise = joint_noise_of(network)
    with torch.no_grad():
        noise.log_scale[noise.layout.slices()["dense1"]] = 5.0
    sampler = Sampler(network, seed=3)
    for plain in full_copies(network, 2, seed=3):
        with sampler.drawn() as drawn:
            mine = log_probabilities(drawn, images()).exp()
        torch.testing.assert_close(mine, plain, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(mine, mine[:1].expand_as(mine), rtol=1e-12, atol=1e-12)


def test_a_network_with_nothing_left_has_one_answer() -> None:
    network = random_network("lenet-500-300")
    with torch.no_grad():
        joint_noise_of(network).log_scale.fill_(5.0)
    found = ensemble(network, images(), torch.zeros(7, dtype=torch.long), samples=(1, 3))
    for entry in found["samples"]:
        assert entry["nll"] == pytest.approx(found["mean"]["nll"], rel=1e-12)


def test_error_and_nll_by_hand() -> None:
    """A constant predictor whose bias says class 2 with probability e / (e + 9)."""
    network = random_network("lenet-500-300")
    with torch.no_grad():
        network.get_parameter("output.weight").zero_()
        network.get_parameter("output.bias").copy_(functional.one_hot(torch.tensor(2), 10))
    found = error_and_nll(network.eval(), images(4), torch.tensor([2, 2, 2, 0]))
    assert found["error_percent"] == 25
    assert found["nll"] == pytest.approx(np.log(np.exp(1) + 9) - 0.75)
