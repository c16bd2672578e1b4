"""Shrinking: what is cut changes no output, and no step of what is left."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from sbp.compaction import masks_of
from sbp.data.datasets import Split
from sbp.methods.registry import method_for
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of, noise_of
from sbp.pruning.masks import Masks, propagate
from sbp.spec import ConfigError, RunConfig
from sbp.training.shrinking import Shrinking
from sbp.training.stepper import Stepper
from tests.pruning.networks import DATASET, NAMES, WIDTHS, images_for, random_network

BATCH = 12


def shrinking(name: str, dtype: torch.dtype = torch.float64, **changes: Any) -> Shrinking:
    """At the start of the main phase of a network with random noise, some of whose units are below the threshold."""
    network = random_network(name, dtype)
    config = RunConfig.flat(
        network=name, dataset=DATASET[name], widths=WIDTHS[name], batch_size=BATCH, shrink_after=2, **changes
    )
    x = images_for(network, BATCH)
    y = torch.arange(BATCH) % 10
    split = Split(x, y, x[:0], y[:0], x[:0], y[:0])
    method = method_for(config.method, config.network, config.noise)
    parts = config.optimisation, config.schedule, config.data
    stepper = Stepper(network, method, split, torch.Generator().manual_seed(0), *parts)
    stepper.start("sbp")
    stepper.begin_epoch(torch.arange(BATCH), torch.ones(1), torch.ones(1), at=0)
    return Shrinking(stepper)


def more_than_kept(of: Shrinking) -> Masks:
    """All that is kept, and some of what is not."""
    draw = np.random.default_rng(0)
    keep = masks_of(of.stepper.network)
    some = propagate({name: mask | (draw.random(len(mask)) < 0.3) for name, mask in keep.items()}, of.layers)
    assert all(keep[name].sum() < mask.sum() < len(mask) for name, mask in some.items() if len(mask) > 11)
    return some


@pytest.mark.parametrize("name", NAMES)
def test_cutting_what_is_removed_changes_no_logit(name: str) -> None:
    """Once in part and once all, and the network at full width says the same throughout."""
    of = shrinking(name)
    network = of.stepper.network
    x, keep, some = images_for(network), masks_of(network), more_than_kept(of)
    with torch.no_grad():
        expected = network.eval()(x)
        for left in (some, keep):
            of.cut_to(left)
            network = of.stepper.network
            assert noise_of(network).layout.sizes == tuple(mask.sum() for mask in left.values())
            torch.testing.assert_close(network.eval()(x), expected, rtol=1e-10, atol=1e-10)
            torch.testing.assert_close(of.whole()[0].eval()(x), expected, rtol=1e-10, atol=1e-10)
    assert {key: mask.tolist() for key, mask in of.masks().items()} == {k: m.tolist() for k, m in keep.items()}


@pytest.mark.parametrize("name", NAMES)
def test_with_theta_of_what_is_cut_at_0_a_step_sees_the_same_loss_and_gradient(name: str) -> None:
    of = shrinking(name)
    network, left = of.stepper.network, more_than_kept(of)
    dense = copy.deepcopy(network).train()
    of.cut_to(left)
    network, whole, part = of.stepper.network, [], []
    draw, x, y = torch.Generator().manual_seed(3), images_for(network, BATCH), of.stepper.split.train_y
    for mask in left.values():
        theta = torch.rand(BATCH, len(mask), generator=draw, dtype=torch.float64)
        keep = torch.from_numpy(mask)
        whole.append(theta * keep)
        part.append(theta[:, keep])
    noise_of(dense).set_next(torch.cat(whole, 1))
    noise_of(network).set_next(torch.cat(part, 1))
    losses = [functional.cross_entropy(one.train()(x), y) for one in (dense, network)]
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-10, atol=1e-10)
    for loss in losses:
        loss.backward()
    for layer in described(dense).weights:
        got, wanted = (one.get_parameter(f"{layer.name}.weight").grad for one in (network, dense))
        assert wanted is not None
        wanted = wanted[torch.from_numpy(left[layer.makes])] if layer.makes else wanted
        wanted = wanted[:, torch.from_numpy(left[layer.reads[-1]])] if layer.reads else wanted
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)


def test_what_adam_remembers_of_what_is_left_is_untouched() -> None:
    """By hand: conv2's kernels, its bias, and mu of all units side by side."""
    of = shrinking("lenet-5-caffe", torch.float32, noise_lr=1e-4)
    stepper, left = of.stepper, more_than_kept(of)
    network = stepper.network
    stepper.step()
    at = {key: torch.from_numpy(mask.nonzero()[0]) for key, mask in left.items()}
    before = copy.deepcopy(stepper.optimiser.memory())
    weight, loc = network.get_parameter("conv2.weight").detach().clone(), joint_noise_of(network).loc.detach().clone()
    of.cut_to(left)
    network = stepper.network
    now = stepper.optimiser.memory()
    units = torch.cat([torch.from_numpy(mask) for mask in left.values()])
    assert torch.equal(network.get_parameter("conv2.weight"), weight[at["conv2"]][:, at["conv1"]])
    assert torch.equal(joint_noise_of(network).loc, loc[units])
    for part in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(now[2][part], before[2][part][at["conv2"]][:, at["conv1"]])
        assert torch.equal(now[3][part], before[3][part][at["conv2"]])
        assert torch.equal(now[8][part], before[8][part][units])
        assert bool(now[8][part].any())
    assert {float(state["step"]) for state in now.values()} == {1.0}
    stepper.begin_epoch(torch.arange(BATCH), torch.ones(1), torch.ones(1), at=0)
    stepper.step()  # and the step goes on from there
    assert {float(state["step"]) for state in stepper.optimiser.memory().values()} == {2.0}


def test_a_unit_goes_once_it_has_been_removed_for_so_many_epochs_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    of = shrinking("lenet-500-300", torch.float32)
    kept = {layer.name: np.ones(layer.units, bool) for layer in of.layers}
    removed = {**kept, "dense1": np.arange(23) >= 9}
    left = []
    for masks in (removed, kept, removed, removed):
        monkeypatch.setattr(of, "masks", lambda masks=masks: masks)
        of.after_epoch()
        left.append(int(of.left["dense1"].sum()))
    assert left == [23, 23, 23, 14]


def test_a_cut_that_saves_little_waits_and_no_layer_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    of = shrinking("lenet-500-300", torch.float32)
    kept = {layer.name: np.ones(layer.units, bool) for layer in of.layers}
    for first, left in ((1, 23), (2, 23), (3, 20), (23, 20)):  # a neuron of 23 owns a little less than 1/23 of the MACs
        monkeypatch.setattr(of, "masks", lambda first=first: {**kept, "dense1": np.arange(23) >= first})
        for _ in range(2):
            of.after_epoch()
        assert int(of.left["dense1"].sum()) == left


def test_it_is_for_methods_with_an_snr_alone() -> None:
    with pytest.raises(ConfigError, match=r"shrink_after \(schedule.shrink_after\): expected 0 with method ssl"):
        RunConfig.flat(method="ssl", shrink_after=1)
    with pytest.raises(ConfigError, match=r"shrink_after \(schedule.shrink_after\): expected at least 0"):
        RunConfig.flat(shrink_after=-1)
