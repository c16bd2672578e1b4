"""What a user's loop tells of itself: right figures, and nothing changed by looking."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sbp
from tests.noise.small import NETWORKS, joint, noisy


def test_it_sees_what_there_is() -> None:
    model, _ = noisy("mlp")
    noise = joint(model)
    noise.set_masks({"0": [False] + [True] * 15})
    optimiser = torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=2e-2))
    seen = sbp.observe(
        model, optimiser, step=7, nll=0.5, loss=torch.tensor(0.75, requires_grad=True), kl_weights=[2.0, 2.0]
    )
    assert (seen.step, seen.nll, seen.loss, seen.lr, seen.noise_lr) == (7, 0.5, 0.75, 1e-3, 2e-2)
    assert seen.kept == {name: int(keep.sum()) for name, keep in noise.keep.items()}
    assert seen.kept["0"] == 15
    assert seen.kl == pytest.approx(2 * float(noise.kl().detach()))
    low, high = seen.log_snr["0"]
    assert (low, high) == pytest.approx((float(noise.snr()["0"].min().log()), float(noise.snr()["0"].max().log())))
    assert (seen.error, seen.own_error) == (None, None)


def test_looking_changes_nothing_also_between_forward_and_backward() -> None:
    torch.manual_seed(0)
    model, x = NETWORKS["conv"][0](), torch.randn(8, 3, 8, 8)
    sbp.attach(model, x)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    other = copy.deepcopy(model)
    labels = torch.randint(5, (8,))
    for network in (model, other):
        torch.manual_seed(1)
        loss = cross_entropy(network(x), labels)
        if network is model:
            before = copy.deepcopy(model.state_dict())
            sbp.observe(model, optimiser, step=0, nll=loss.detach(), loss=loss.detach(), check=(x, labels))
            assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        loss.backward()
    assert all(module.training for module in model.modules())
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None and theirs.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad)


def test_the_images_own_mean_and_variance_are_those_of_training() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    noise = sbp.attach(model, torch.zeros(2, 4))
    x = 5 + torch.randn(64, 4)
    with torch.no_grad(), noise.using("mean"):
        labels = copy.deepcopy(model).train()(x).argmax(1)
    seen = sbp.observe(model, torch.optim.SGD(model.parameters(), lr=0.1), step=0, nll=1.0, loss=1.0, check=(x, labels))
    assert seen.own_error == 0.0
    assert seen.error is not None
    assert seen.error > 10
