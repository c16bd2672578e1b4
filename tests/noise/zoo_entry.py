"""What one network of the zoo is: how it is built, what it reads, and weights with which its outputs vary."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Inputs = Tensor | dict[str, Tensor]


@dataclass(frozen=True)
class Entry:
    """A network that the paper does not have.

    Args:
        construct: makes the module with whatever weights its author gives it.
        inputs: makes `n` examples with a generator: one tensor, or keyword arguments by name.
        family: what kind of network it is; networks of one family differ in size or detail only.
        package: who wrote it: "here", or the distribution on PyPI.
        refused: parts of layers' names: a group that holds such a layer's outputs cannot leave exactly.
        note: what is particular to it.
        readable: False where Torch-Pruning 1.6.1 raises or never ends, so that the whole network is refused.
    """

    construct: Callable[[], nn.Module]
    inputs: Callable[[int, torch.Generator], Inputs]
    family: str
    package: str = "here"
    refused: tuple[str, ...] = ()
    note: str = ""
    readable: bool = True

    def build(self, seed: int = 0) -> nn.Module:
        """The network in eval mode, its weights and its normalisations' statistics drawn with `seed`."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = self.construct().eval()
            randomise(model)
            spread_statistics(model, self.example_input(16, seed=seed + 1))
        return model

    def example_input(self, n: int = 4, seed: int = 0) -> Inputs:
        """`n` examples, the same for the same seed."""
        return self.inputs(n, torch.Generator().manual_seed(seed))


def call(model: nn.Module, inputs: Inputs) -> Tensor:
    """The network's logits, whether it returns a tensor, a tuple or an object with `logits`."""
    output: Any = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    if isinstance(output, Tensor):
        return output
    return output.logits if hasattr(output, "logits") else output[0]


def images(size: int, channels: int = 3) -> Callable[[int, torch.Generator], Tensor]:
    """Coarse patches of colour under fine noise: white noise alone looks the same after global pooling."""

    def draw(n: int, generator: torch.Generator) -> Tensor:
        coarse = torch.randn(n, channels, 4, 4, generator=generator)
        fine = torch.randn(n, channels, size, size, generator=generator)
        return nn.functional.interpolate(coarse, size=(size, size), mode="bilinear") + 0.5 * fine

    return draw


def vectors(*shape: int) -> Callable[[int, torch.Generator], Tensor]:
    """Independent normal numbers of this shape."""
    return lambda n, generator: torch.randn(n, *shape, generator=generator)


def tokens(length: int, vocabulary: int) -> Callable[[int, torch.Generator], Tensor]:
    """Random token ids."""
    return lambda n, generator: torch.randint(1, vocabulary, (n, length), generator=generator)


@torch.no_grad()
def randomise(model: nn.Module) -> None:
    """Draw every parameter again, so that no layer is zero, constant or nearly an identity.

    Published initialisations hide wrong cuts: attention with a standard deviation of 0.02 is nearly uniform, a layer
    scale of 1e-6 leaves the identity, and normalisations of weight 1 and bias 0 treat all units alike.
    """
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, nn.Embedding):
                parameter.normal_()
            elif "norm" in type(module).__name__.lower() and parameter.ndim == 1:
                parameter.uniform_(0.5, 1.5) if name == "weight" else parameter.normal_(0, 0.3)
            elif parameter.ndim >= 2 and name.startswith(("weight", "original")):  # the second: a parametrised weight
                parameter.normal_(0, math.sqrt(2 / parameter[0].numel()))
            elif name.startswith("bias"):
                parameter.normal_(0, 0.3)
            else:
                parameter.normal_(0, 0.5)


@torch.no_grad()
def spread_statistics(model: nn.Module, inputs: Inputs) -> None:
    """Give each batch norm the statistics of these inputs, times and plus something random of its own per unit."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.train()
        norm.momentum, norm.momentum_before = 1.0, norm.momentum  # type: ignore[assignment]
    if norms:
        call(model, inputs)
    for norm in norms:
        norm.eval()
        norm.momentum = norm.momentum_before  # type: ignore[assignment]
        del norm.momentum_before
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_var.mul_(torch.empty_like(norm.running_var).uniform_(0.5, 2)).clamp_(min=1e-3)
        norm.running_mean.add_(0.3 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean))
