"""One law for all methods: the network in eval = the plain network = masked = compact; and steps lower the loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from sbp.compaction import compact, masked, masks_of
from sbp.compaction.weights import network_of
from sbp.data.datasets import load
from sbp.methods.base import Method
from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import described
from sbp.networks.tensors import file_tensors
from sbp.noise.install import joint_noise_of, noise_of
from sbp.pruning.masks import propagate
from sbp.spec import OptimisationConfig
from sbp.spec.networks import SPECS
from tests.methods.cases import (
    CASES,
    CHAINS,
    METHODS,
    ON_WEIGHTS,
    built,
    config_of,
    made,
    prune_weights_,
    spoil_,
    weight_of,
)
from tests.pruning.networks import PLAIN_NAMES, images, images_for

ON_WEIGHTS_CASES = [(method, network) for network in CHAINS for method in ON_WEIGHTS]
# Those that a test can train within seconds, and that pad nothing.
SMALL_CASES = [(method, network) for network in PLAIN_NAMES for method in METHODS]
SMALL_ON_WEIGHTS_CASES = [(method, network) for network in PLAIN_NAMES for method in ON_WEIGHTS]


def assert_the_law(method: Method, network: nn.Module) -> nn.Module:
    """Whatever the method has removed, its network, the plain one, the masked and the compact one say the same."""
    network.eval()
    plain, masks = method.materialise(network), method.masks(network)
    closed = propagate(masks, described(plain).groups)
    for name, keep in masks_of(plain).items():
        assert np.array_equal(keep, closed[name]), name
    x = images_for(plain)
    with torch.no_grad():
        expected = network(x)
        for other in (plain, masked(plain, masks), compact(plain, masks), compact(plain)):
            torch.testing.assert_close(other(x), expected, rtol=1e-10, atol=1e-10)
    return plain


@pytest.mark.parametrize(("name", "network_name"), CASES)
def test_a_networks_own_plain_masked_and_compact_logits_are_the_same(name: str, network_name: str) -> None:
    method = made(name, network_name)
    network = built(method)
    plain = assert_the_law(method, network)
    assert noise_of(plain).keep_units().all(), "nothing is pruned at initialisation"
    assert_the_law(method, network.train())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "network_name"), ON_WEIGHTS_CASES)
def test_the_same_with_weights_and_whole_units_removed(name: str, network_name: str, seed: int) -> None:
    method = made(name, network_name)
    network = built(method, seed)
    spoil_(network, seed)
    plain = assert_the_law(method, network)
    for name_of_group, keep in noise_of(plain).keep.items():
        assert 0 < keep.sum() < len(keep), f"{name_of_group}: the case shows nothing"
    method.freeze(network)
    assert_the_law(method, network)


@pytest.mark.parametrize(("name", "network_name"), SMALL_ON_WEIGHTS_CASES)
def test_a_layer_with_nothing_left_is_the_constant_predictor(name: str, network_name: str) -> None:
    for wire in SPECS[network_name].weights:
        method = made(name, network_name)
        network = built(method)
        prune_weights_(network, wire.name, torch.ones_like(weight_of(network, wire.name).weight, dtype=torch.bool))
        plain = assert_the_law(method, network)
        assert not noise_of(plain).keep_units().any(), "one empty layer removes all others"
        assert described(plain).macs([0] * len(described(plain).groups)) == 0
        logits = compact(plain)(images_for(plain))
        assert torch.equal(logits, logits[:1].expand_as(logits)), "the same for every image"


@pytest.mark.parametrize("name", ON_WEIGHTS)
def test_a_constant_is_cut_out_only_where_nothing_is_padded(name: str) -> None:
    """A channel without weights says ReLU(shift - scale m): above 0 it is heard as v inside and as 0 in the padding."""
    method = made(name, "vgg-like")
    network = built(method)
    norms = {wire.name: wire.norm for wire in described(network).weights}
    for layer, removed in (("conv1_2", [0, 1]), ("conv5_3", [2, 3]), ("dense1", [4, 5])):
        pruned = torch.zeros_like(weight_of(network, layer).weight, dtype=torch.bool)
        pruned[removed] = True
        prune_weights_(network, layer, pruned)
        with torch.no_grad():
            norm = network.get_submodule(norms[layer])
            norm.get_buffer("running_mean").zero_()
            norm.get_parameter("bias")[removed] = torch.tensor([0.7, -0.7], dtype=torch.float64)
    plain = assert_the_law(method, network)
    kept = {name: keep.tolist() for name, keep in noise_of(plain).keep.items()}
    assert kept["conv1_2"][:2] == [True, False]
    assert kept["conv5_3"][2:4] == kept["features"][2:4] == kept["dense1"][4:6] == [False, False]


@pytest.mark.parametrize(("name", "network_name"), ON_WEIGHTS_CASES)
def test_while_off_it_is_an_ordinary_network(name: str, network_name: str) -> None:
    """Pretraining: neither noise nor zeros, in training and in eval, and in what is stored."""
    method = made(name, network_name)
    network = built(method)
    spoil_(network)
    ordinary = made("original", network_name).build().double()
    for wire in SPECS[network_name].weights:
        ordinary.get_submodule(wire.name).load_state_dict(weight_of(network, wire.name).state_dict())
    for norm, other in zip(batch_norms(ordinary), batch_norms(network), strict=True):
        norm.load_state_dict(other.state_dict())
    x = images_for(ordinary)
    method.set_noise_enabled(network, on=False)
    with torch.no_grad():
        for mode in (True, False):
            torch.testing.assert_close(network.train(mode)(x), ordinary.train(mode)(x), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(method.materialise(network)(x), ordinary(x), rtol=1e-12, atol=1e-12)
        method.set_noise_enabled(network, on=True)
        assert (network(x) - ordinary(x)).abs().max() > 1e-3 or name == "ssl"


@pytest.mark.parametrize(("name", "network_name"), CASES)
def test_what_is_stored_is_what_a_run_loads(name: str, network_name: str, tmp_path: Path) -> None:
    method = made(name, network_name)
    network = built(method, dtype=torch.float32)
    if name in ON_WEIGHTS:
        spoil_(network)
    plain = method.materialise(network).eval()
    tensors = {key: tensor.contiguous() for key, tensor in file_tensors(plain).items()}
    last = described(plain).groups[-1].name
    assert {f"{last}.weight", "output.bias", f"noise.{last}.keep"} <= set(tensors)
    assert not [key for key in tensors if key.endswith((".loc", ".log_scale", "log_variance"))]
    save_file(tensors, tmp_path / "model.safetensors")
    again = network_of(config_of(name, network_name), tmp_path / "model.safetensors")
    x = images_for(again)
    assert torch.equal(again(x), plain(x))
    with pytest.raises(ValueError, match="no mu and no log sigma"):
        joint_noise_of(again)


# -- training --------------------------------------------------------------------------------------------------

OPTIONS: dict[str, dict[str, float]] = {"ssl": {"group_penalty": 1e-3}, "original": {"weight_decay": 1e-4}}


def trained(method: Method, network: nn.Module, steps: int, frozen: bool = False) -> list[float]:
    """The loss of each of so many steps on digits, in the order of calls that the contract gives."""
    data = load("digits")
    generator = torch.Generator().manual_seed(0)
    rate = method.learned_rate(OptimisationConfig(lr=1e-2, noise_lr=3e-2))
    groups = [{"params": method.weights(network), "lr": 1e-2}]
    if not frozen:
        groups.append({"params": method.learned(network), "lr": rate})
    optimiser = torch.optim.Adam(groups)
    losses = []
    network.train()
    for step in range(steps):
        part = slice(step * 100 % 1000, step * 100 % 1000 + 100)
        x, y = data.train_images[part].unsqueeze(1).float() / 255, data.train_labels[part]
        method.sample_noise_(network, len(y), generator)
        loss = functional.cross_entropy(network(x), y)
        if not frozen:
            loss = loss + method.penalty(network, 1000, torch.tensor(1e-2)).term
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        (method.reapply_masks_ if frozen else method.project_)(network)
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("name", "network_name"), SMALL_CASES)
def test_steps_lower_the_loss_and_touch_no_other_random_numbers(name: str, network_name: str) -> None:
    method = made(name, network_name, **OPTIONS.get(name, {}))
    network = built(method, dtype=torch.float32)
    before = torch.random.get_rng_state()
    losses = trained(method, network, 60)
    assert torch.equal(torch.random.get_rng_state(), before), "a draw came from another generator"
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])
    fresh = made(name, network_name, **OPTIONS.get(name, {}))  # like a training, a method has one network
    assert trained(fresh, built(fresh, dtype=torch.float32), 60) == losses, "the same generator, the same run"
    # Weights decide the logits in float32 too.
    network.eval()
    x = images(dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(compact(method.materialise(network))(x), network(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "network_name"), SMALL_ON_WEIGHTS_CASES)
def test_what_was_removed_stays_removed_while_fine_tuning(name: str, network_name: str) -> None:
    method = made(name, network_name)
    network = built(method, dtype=torch.float32)
    spoil_(network)
    masks = method.masks(network)
    method.freeze(network)
    pruned = {wire.name: ~network.get_submodule(wire.name).get_buffer("live") for wire in SPECS[network_name].weights}
    assert all(0 < mask.sum() < mask.numel() for mask in pruned.values())
    noise = {key: value.clone() for key, value in network.state_dict().items() if "log_" in key or ".loc" in key}
    before = network.output.inner.weight.detach().clone()  # type: ignore[operator, union-attr]
    losses = trained(method, network, 30, frozen=True)
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    assert not torch.equal(before, network.output.inner.weight)  # type: ignore[union-attr, arg-type]
    for wire in SPECS[network_name].weights:
        assert not weight_of(network, wire.name).weight[pruned[wire.name]].any()
    assert all(torch.equal(network.state_dict()[key], value) for key, value in noise.items()), "the noise is frozen"
    after = method.masks(network)
    assert all(not (after[layer] & ~keep).any() for layer, keep in masks.items()), "a unit came back"
    # A checkpoint that is put into a newborn network, frozen first, goes on from there.
    other = made(name, network_name)
    again = other.build()
    other.freeze(again)
    again.load_state_dict(network.state_dict())
    assert torch.equal(again.eval()(images(dtype=torch.float32)), network.eval()(images(dtype=torch.float32)))


@pytest.mark.parametrize(("name", "network_name"), CASES)
def test_every_parameter_is_a_weight_or_learned_beside_them(name: str, network_name: str) -> None:
    method = made(name, network_name)
    network = method.build()
    grouped = [*method.weights(network), *method.learned(network)]
    assert len({id(parameter) for parameter in grouped}) == len(grouped)
    # The noise of all weights stands side by side in one parameter, of which each layer's is a view.
    assert sum(parameter.numel() for parameter in grouped) == sum(p.numel() for p in network.parameters())
    weights = {id(parameter) for parameter in method.weights(network)}
    named = {id(p) for n, p in network.named_parameters() if n.endswith(("weight", "bias"))}
    assert weights == named
    assert bool(method.learned(network)) == (name in ("sbp-weights", "sparse-vd"))


def test_log_variances_move_at_the_weights_rate_with_adam_alone() -> None:
    method = made("sparse-vd", "lenet-500-300")
    rates = {kind: OptimisationConfig(optimiser=kind, lr=0.1, noise_lr=0.3) for kind in ("adam", "sgd")}
    assert {kind: method.learned_rate(of) for kind, of in rates.items()} == {"adam": 0.1, "sgd": 0.3}
    assert made("sbp-weights", "lenet-500-300").learned_rate(rates["adam"]) == 0.3
