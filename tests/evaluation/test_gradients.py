"""The variance of a gradient: by hand where theta alone decides it, and of a run with weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from sbp.evaluation.gradients import gradient_variance
from sbp.noise import attach
from sbp.noise.install import joint_noise_of


def noisy(theta_per: str) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    attach(network, torch.zeros(1, 6), init_log_scale=-1.0, theta_per=theta_per)
    return network.eval()


def test_of_equal_examples_a_minibatch_s_theta_has_as_many_times_the_variance() -> None:
    """g = mean of n gradients: independent ones have an n-th of the variance of equal ones. 2,000 draws, seed 0."""
    x, y = torch.rand(1, 6).expand(40, 6), torch.zeros(40, dtype=torch.long)
    one, shared = (gradient_variance(noisy(kind), x, y, 2000) for kind in ("example", "minibatch"))
    assert shared["weights"] / one["weights"] == pytest.approx(40, rel=0.2)
    assert shared["noise"] / one["noise"] == pytest.approx(40, rel=0.2)
    assert shared["weights_norm"] == pytest.approx(one["weights_norm"], rel=0.1), "their mean is the same"


def test_theta_that_never_varies_leaves_no_variance() -> None:
    network = noisy("example")
    with torch.no_grad():
        joint_noise_of(network).log_scale.fill_(-8.0)
        joint_noise_of(network).loc.fill_(-5.0)
    found = gradient_variance(network, torch.rand(8, 6), torch.zeros(8, dtype=torch.long), 20)
    assert found["weights"] < 1e-4 * found["weights_norm"] ** 2
    before = [parameter.clone() for parameter in network.parameters()]
    gradient_variance(network, torch.rand(8, 6), torch.zeros(8, dtype=torch.long), 3)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_recorded_run_is_measured_with_all_that_its_network_can_have(mnist_root: Path) -> None:
    from sbp.evaluation.gradients import by_sampler
    from sbp.runs import store

    found = by_sampler(store.open_run("lenet-500-300-paper"), draws=3)
    assert list(found["samplers"]) == ["example", "minibatch"], "no unit of it has several elements"
    assert all(value > 0 for by in found["samplers"].values() for value in by.values())
    assert (found["batch"], found["draws"]) == (500, 3)
