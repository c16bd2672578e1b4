"""The law: masked and compact are one function, on every network that the paper does not have, whatever leaves."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sbp import attach, compact, detach, masked
from sbp.noise import JointNoise, noise_of
from sbp.noise.install import NAME, OURS
from tests.noise import law
from tests.noise.zoo import ZOO, Entry, Inputs

# Nothing of these can be pruned; test_refusals.py holds the sentence that says so.
WHOLE = {
    "pytorchcv/shufflenet",
    "transformers/bit",
    "transformers/convnextv2",
    "transformers/cvt",
    "transformers/gpt2",
    "weight-norm",
}
TWINS = {"transformers/deit"}  # ViT's layers under other names
NAMES = [name for name in ZOO if name not in WHOLE | TWINS]
# So much is refused in them that even one unit a group leaves more than 70 % of the multiply-accumulates.
TOO_WHOLE = {"lstm"}
# Families of networks in which every unit can leave, but for those where zeros, halves or cheap copies tie several.
EVERY_UNIT = {
    "plain",
    "residual",
    "pre-activation",
    "dense",
    "depthwise",
    "inverted residual",
    "squeeze-excite",
    "u-net",
}
REFUSING = {
    "branches",
    "channel-buffer",
    "fixed-reshape",
    "local-response",
    "padded-shortcut",
    "tied-weights",
    "pytorchcv/ghostnet",
    "pytorchcv/pyramidnet",
}
FLOAT32, FLOAT64 = 1e-5, 1e-10
WORST: dict[str, tuple[float, str, float, str, float]] = {}


@dataclass
class Subject:
    """A network with noise, in both precisions, and what it was before."""

    name: str
    entry: Entry
    before: dict[str, Any]
    with_noise: dict[str, Any]
    model: nn.Module
    noise: JointNoise
    wide: nn.Module
    inputs: Inputs
    wide_inputs: Inputs
    random: law.Masks = field(default_factory=dict)
    removed: float = 0.0

    def cases(self, rng: np.random.Generator) -> Iterator[tuple[str, law.Masks]]:
        """Every kind of masks."""
        yield "all kept", law.all_kept(self.noise)
        yield "one unit a group", law.one_each(self.noise, rng)
        for name, masks in law.emptied(self.noise, rng):
            yield f"no unit in {name}", masks
        yield "no unit at all", law.none_kept(self.noise)
        yield "random masks", self.random


# Deep networks, each of a family that a smaller one stands for too.
DEEP = ("transformers/regnet", "transformers/focalnet", "transformers/mobilevit", "resnet20", "vgg11")


def slow_where_deep(name: str) -> Any:
    """`make test` tries most of those written here and of transformers, `make test-all` all."""
    return pytest.param(name, marks=pytest.mark.slow if name.startswith("pytorchcv/") or name in DEEP else ())


@pytest.fixture(scope="module", params=[slow_where_deep(name) for name in NAMES])
def subject(request: pytest.FixtureRequest) -> Subject:
    """Attached in train mode, with one module in eval mode and one frozen parameter, as fine-tuning leaves networks."""
    entry = ZOO[request.param]
    model, inputs = entry.build().train(), entry.example_input(4)
    next(m for m in model.modules() if not list(m.children())).eval()
    next(model.parameters()).requires_grad_(False)
    model.register_forward_hook(theirs)
    before = state_of(model)
    noise = attach(model, inputs, log_low=-3.0, log_high=1.0)
    with_noise = state_of(model)
    model.eval()
    law.randomise_theta(noise)
    made = Subject(request.param, entry, before, with_noise, model, noise, law.doubled(model), inputs, law.wide(inputs))
    rng = generator(request.param)
    dense = law.macs(model, inputs)
    for share in (0.75, 0.5, 0.25, 0.1, 0.0):
        made.random = law.at_random(noise, rng, share)
        made.removed = 1 - law.macs(compact(model, made.random), inputs) / dense
        if made.removed >= 0.3:
            break
    return made


def theirs(module: nn.Module, args: Any, output: Any) -> None:
    """A hook of the user's."""


def generator(name: str) -> np.random.Generator:
    """The same draws for a network whatever other tests run."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def state_of(model: nn.Module) -> dict[str, Any]:
    """All that must stay as it was: tensors, flags, hooks, attributes, and the state of torch's generator."""
    own = {name: m for name, m in model.named_modules() if not name.startswith(NAME)}
    return {
        "tensors": {k: v.clone() for k, v in model.state_dict().items() if not k.startswith(NAME)},
        "training": {name: module.training for name, module in own.items()},
        "gradients": {k: (p.requires_grad, p.grad) for k, p in model.named_parameters() if not k.startswith(NAME)},
        "hooks": {
            name: [
                hook
                for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
                for hook in getattr(module, kind).values()
                if not isinstance(hook, OURS)
            ]
            for name, module in own.items()
        },
        "types": {name: type(module) for name, module in own.items()},
        "attributes": {name: sorted(vars(module)) for name, module in own.items()},
        "generator": torch.get_rng_state(),
    }


def assert_same_state(now: dict[str, Any], then: dict[str, Any]) -> None:
    assert list(now["tensors"]) == list(then["tensors"])
    assert all(torch.equal(now["tensors"][k], then["tensors"][k]) for k in then["tensors"])
    assert torch.equal(now["generator"], then["generator"])
    for what in ("training", "gradients", "hooks", "types", "attributes"):
        assert now[what] == then[what], what


def test_masked_and_compact_agree(subject: Subject, record_property: Any) -> None:
    worst = {torch.float32: (0.0, ""), torch.float64: (0.0, "")}
    varies = 0.0
    for case, masks in subject.cases(generator(subject.name)):
        for model, inputs, dtype in (
            (subject.model, subject.inputs, torch.float32),
            (subject.wide, subject.wide_inputs, torch.float64),
        ):
            expected, got = (law.outputs(network, inputs) for network in law.both(model, masks))
            apart = law.difference(got, expected)
            allowed = FLOAT32 if dtype == torch.float32 else FLOAT64
            assert apart <= allowed, f"{subject.name}, {case}, {dtype}: masked and compact differ by {apart:.1e}"
            worst[dtype] = max(worst[dtype], (apart, case))
        if case in ("all kept", "random masks"):
            # Outputs of one constant would agree whatever was cut.
            varies = law.variation(expected)
            assert varies > 100 * FLOAT32, f"{subject.name}, {case}: the outputs vary by {varies:.1e} of the largest"
    WORST[subject.name] = (*worst[torch.float32], *worst[torch.float64], subject.removed)
    record_property("float32", worst[torch.float32])
    record_property("float64", worst[torch.float64])
    record_property("share of the MACs removed", round(subject.removed, 3))


def test_plain_residual_dense_and_depthwise_networks_refuse_nothing(subject: Subject) -> None:
    refused = [str(refusal) for refusal in subject.noise.refused]
    if subject.entry.family in EVERY_UNIT:
        assert bool(refused) == (subject.name in REFUSING), f"{subject.name}: {refused}"
    assert all(refusal.remedy for refusal in subject.noise.refused)


def test_three_tenths_of_the_macs_leave(subject: Subject) -> None:
    few = subject.removed < 0.3
    assert few == (subject.name in TOO_WHOLE), f"{subject.name}: {subject.removed:.0%} of the MACs leave"


def test_the_compact_network_is_the_user_s_own_and_can_be_copied_and_loaded(subject: Subject) -> None:
    small = compact(subject.model, subject.random)
    own = {name: type(m) for name, m in subject.model.named_modules() if not name.startswith(NAME)}
    assert {name: type(m) for name, m in small.named_modules()} == own
    assert not any(module.training for module in small.modules())
    expected = law.outputs(small, subject.inputs)
    for again in (copy.deepcopy(small), _loaded(subject, small)):
        assert all(torch.equal(a, b) for a, b in zip(law.outputs(again, subject.inputs), expected, strict=True))


def _loaded(subject: Subject, small: nn.Module) -> nn.Module:
    """The weights of a compact network in another that was made with the same masks from other weights."""
    other = subject.entry.build(seed=5)
    attach(other, subject.inputs, layout=subject.noise.layout)
    again = compact(other, subject.random)
    again.load_state_dict(small.state_dict())
    return again.train().eval()  # LeViT keeps its biases twice, and renews the copy when it is told to train or not


def test_theta_of_an_example_reaches_that_example_alone(subject: Subject) -> None:
    noise = noise_of(subject.wide)
    draw = torch.Generator().manual_seed(1)
    theta = 0.5 + torch.rand(4, noise.layout.n_units, generator=draw, dtype=torch.float64)
    with noise.using(theta=theta):
        together = law.outputs(subject.wide, subject.wide_inputs)
    moved = 0.0
    for i in range(4):
        one = law.some_examples(subject.wide_inputs, slice(i, i + 1))
        with noise.using(theta=theta[i : i + 1]):
            alone = law.outputs(subject.wide, one)
        apart = law.difference([part[i : i + 1] for part in together], alone)
        assert apart <= FLOAT64, f"{subject.name}: example {i} alone differs by {apart:.1e}"
        with noise.using(theta=theta[i - 1 : i or None]):
            moved = max(moved, law.difference(law.outputs(subject.wide, one), alone))
    assert moved > 1e-4, f"{subject.name}: theta of another example moves the outputs by {moved:.1e} only"


def test_masked_and_compact_agree_in_training(subject: Subject) -> None:
    large, small = (law.without_dropout(network).train() for network in law.both(subject.wide, subject.random))
    noise_of(large).mode = "mean"
    for mode in ("train", "eval"):  # in eval with the batch statistics that the step before has left
        expected, got = (law.outputs(network.train(mode == "train"), subject.wide_inputs) for network in (large, small))
        apart = law.difference(got, expected)
        assert apart <= FLOAT64, f"{subject.name}, {mode}: masked and compact differ by {apart:.1e}"


def test_attach_changes_nothing_else_and_detach_gives_the_network_back(subject: Subject) -> None:
    assert_same_state(subject.with_noise, subject.before)
    plain = subject.entry.build()
    expected = law.outputs(plain, subject.inputs)
    with subject.noise.using("off"):
        silent = law.outputs(subject.model, subject.inputs)
    assert all(torch.equal(a, b) for a, b in zip(silent, expected, strict=True))
    bare = detach(copy.deepcopy(subject.model))
    state = state_of(bare)
    for what in ("training", "generator"):  # the subject is in eval mode by now
        state[what] = subject.before[what]
    assert_same_state(state, subject.before)
    assert all(torch.equal(a, b) for a, b in zip(law.outputs(bare, subject.inputs), expected, strict=True))


PIXELS = [slow_where_deep(name) for name in ("mlp", "vgg11", "conv1d", "resnet20", "fixed-reshape")]


@pytest.mark.parametrize("name", PIXELS)
def test_the_law_with_pixels_and_single_features(name: str) -> None:
    entry = ZOO[name]
    model, inputs = entry.build(), entry.example_input(4)
    noise = attach(model, inputs, pixels=True, features=True, log_low=-3.0, log_high=1.0)
    law.randomise_theta(noise)
    rng = generator(name)
    every = [law.all_kept(noise), law.none_kept(noise), law.one_each(noise, rng), law.at_random(noise, rng, 0.5)]
    for masks in [*every, *(masks for _, masks in law.emptied(noise, rng))]:
        for network, given, allowed in ((model, inputs, FLOAT32), (law.doubled(model), law.wide(inputs), FLOAT64)):
            expected, got = (law.outputs(one, given) for one in law.both(network, masks))
            kept = {group: int(mask.sum()) for group, mask in masks.items()}
            apart = law.difference(got, expected)
            assert apart <= allowed, f"{name}, {kept} kept, differs by {apart:.1e}"


def test_what_is_masked_has_another_output_than_what_is_not() -> None:
    """The law would hold as well if neither masks nor theta did anything."""
    model, inputs = ZOO["resnet20"].build(), ZOO["resnet20"].example_input(4)
    noise = attach(model, inputs)
    plain = law.outputs(ZOO["resnet20"].build(), inputs)
    law.randomise_theta(noise)
    whole = law.outputs(masked(model, law.all_kept(noise)), inputs)
    half = law.outputs(masked(model, law.at_random(noise, np.random.default_rng(0), 0.5)), inputs)
    assert law.difference(whole, plain) > 0.1
    assert law.difference(half, whole) > 0.1


def test_summary_of_the_law() -> None:
    assert len(NAMES) >= 20
    assert len([name for name in NAMES if ZOO[name].package != "here"]) >= 10
    assert len({ZOO[name].family for name in NAMES}) >= 12
    for name, (narrow, in_narrow, wide, in_wide, removed) in WORST.items():
        line = f"{name} ({ZOO[name].family}, {ZOO[name].package}): float32 {narrow:.1e} ({in_narrow}), "
        print(f"{line}float64 {wide:.1e} ({in_wide}), {removed:.0%} of the MACs removed")
