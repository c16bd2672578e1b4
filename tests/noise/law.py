"""What the law is tested with: masks of every kind, random theta, and counts and differences of the test's own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp import compact, masked
from sbp.noise import JointNoise, noise_of
from tests.noise.zoo import Inputs

Masks = dict[str, np.ndarray]
Convolution = nn.modules.conv._ConvNd


def outputs(model: nn.Module, inputs: Inputs) -> list[Tensor]:
    """Every floating-point tensor that a network gives, without gradients."""
    with torch.no_grad():
        given: Any = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    given = given.values() if hasattr(given, "values") and not isinstance(given, Tensor) else given
    parts = [given] if isinstance(given, Tensor) else list(given)
    return [part for part in parts if isinstance(part, Tensor) and part.is_floating_point()]


def wide(inputs: Inputs) -> Inputs:
    """The same in float64, where it is no whole number."""
    if isinstance(inputs, dict):
        return {name: part.double() if part.is_floating_point() else part for name, part in inputs.items()}
    return inputs.double() if inputs.is_floating_point() else inputs


def difference(one: list[Tensor], other: list[Tensor]) -> float:
    """The largest difference, relative to the largest entry of the output that it stands in; of zeros, from zero."""
    assert [part.shape for part in one] == [part.shape for part in other]
    pairs = [(float((a - b).abs().max()), float(b.abs().max())) for a, b in zip(one, other, strict=True)]
    return max(apart / largest if largest else apart for apart, largest in pairs)


def variation(given: list[Tensor]) -> float:
    """How far the outputs differ from one example to the next, relative to the largest."""
    return max(float(part.std(0).max() / part.abs().max()) for part in given)


def macs(model: nn.Module, inputs: Inputs) -> int:
    """Multiply-accumulates of all layers of weights, counted by hooks as the network runs."""
    counted = []

    def count(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        weight = module.get_parameter("weight")
        if isinstance(module, Convolution) and module.transposed:
            counted.append(args[0].numel() * weight[0].numel())  # each input goes to so many outputs
        else:
            counted.append(output.numel() * weight[0].numel())  # each output reads so many inputs

    layers = [m for m in model.modules() if isinstance(m, nn.Linear | Convolution)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    outputs(model, inputs)
    for handle in handles:
        handle.remove()
    return sum(counted)


@torch.no_grad()
def randomise_theta(noise: JointNoise, seed: int = 0) -> None:
    """mu in (-0.6, 0.6), log sigma in (-3, -0.5): E[theta] near 1, so that no signal vanishes, each different."""
    generator = torch.Generator().manual_seed(seed)
    noise.loc.copy_(-0.6 + 1.2 * torch.rand(noise.loc.shape, generator=generator))
    noise.log_scale.copy_(-3 + 2.5 * torch.rand(noise.loc.shape, generator=generator))


def all_kept(noise: JointNoise) -> Masks:
    """Every unit."""
    return {group.name: np.ones(group.units, bool) for group in noise.groups}


def none_kept(noise: JointNoise) -> Masks:
    """No unit at all."""
    return {group.name: np.zeros(group.units, bool) for group in noise.groups}


def one_each(noise: JointNoise, rng: np.random.Generator) -> Masks:
    """One unit of each group."""
    masks = none_kept(noise)
    for mask in masks.values():
        mask[rng.integers(len(mask))] = True
    return masks


def at_random(noise: JointNoise, rng: np.random.Generator, share: float) -> Masks:
    """Each unit with a probability of its own chance; of each group at least one."""
    masks = one_each(noise, rng)
    return {name: mask | (rng.random(len(mask)) < share) for name, mask in masks.items()}


def emptied(noise: JointNoise, rng: np.random.Generator, most: int = 5) -> Iterator[tuple[str, Masks]]:
    """No unit in one group, the others whole: each group in turn, or a sample where there are many."""
    names = [group.name for group in noise.groups]
    chosen = names if len(names) <= most else sorted(rng.choice(names, most, replace=False))
    for name in chosen:
        masks = all_kept(noise)
        masks[name][:] = False
        yield name, masks


def some_examples(inputs: Inputs, at: slice) -> Inputs:
    """Some of the examples."""
    return {name: part[at] for name, part in inputs.items()} if isinstance(inputs, dict) else inputs[at]


def without_dropout(model: nn.Module) -> nn.Module:
    """Every rate of dropout in it set to 0, whether a module's or an attribute of a module that calls the function."""
    for module in model.modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, float) and ("drop" in name or isinstance(module, nn.Dropout)):
                setattr(module, name, 0.0)
    return model


def both(model: nn.Module, masks: Masks) -> tuple[nn.Module, nn.Module]:
    """The masked network and the compact one."""
    return masked(model, masks), compact(model, masks)


def doubled(model: nn.Module) -> nn.Module:
    """A copy in float64, noise included."""
    copied = copy.deepcopy(model).double()
    assert noise_of(copied).loc.dtype == torch.float64
    return copied
