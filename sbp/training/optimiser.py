"""What moves the parameters of a phase: Adam all of them, or SGD the weights and Adam the noise; seen as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from sbp.spec import OptimisationConfig

# Nesterov's, as is usual with SGD (Sutskever et al. 2013, "On the importance of initialization and momentum").
MOMENTUM = 0.9


class Optimiser:
    """Moves the weights at one rate and what is learned beside them at another; its parameters are numbered from 0,
    the weights first, and what it remembers of them goes by these numbers.

    With `optimisation.optimiser` "sgd" the weights' step is v <- 0.9 v + g, w <- w - lr (g + 0.9 v), g with the weight
    decay's part; whatever else a method learns is moved by Adam, since log-variances have another scale than weights.
    rates: [2], read at every step, so that a captured step sees what is written there.
    """

    def __init__(
        self,
        weights: Sequence[nn.Parameter],
        learned: Sequence[nn.Parameter],
        rates: Tensor,
        optimisation: OptimisationConfig,
    ) -> None:
        self.learned, self.rates = learned, rates
        self.parameters = [*weights, *learned]
        of_weights = {"params": weights, "lr": rates[0], "weight_decay": optimisation.weight_decay}
        of_learned = [{"params": learned, "lr": rates[1], "weight_decay": 0.0}] if learned else []
        kind = rates.device.type
        adam = partial(
            torch.optim.Adam,
            lr=rates[0],
            fused=kind != "mps",
            capturable=kind == "cuda",
            decoupled_weight_decay=optimisation.decoupled_decay,
        )
        if optimisation.optimiser == "sgd":
            sgd = torch.optim.SGD([of_weights], lr=rates[0], momentum=MOMENTUM, nesterov=True, fused=kind != "mps")
            self.parts: list[torch.optim.Optimizer] = [sgd, *([adam(of_learned)] if learned else [])]
        else:
            self.parts = [adam([of_weights, *of_learned])]

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Moves every parameter by one step."""
        for part in self.parts:
            part.step()

    def memory(self) -> dict[int, dict[str, Tensor]]:
        """What it remembers of each parameter, by number: the tensors themselves; nothing before the first step."""
        found = {parameter: state for part in self.parts for parameter, state in part.state.items()}
        return {number: found[p] for number, p in enumerate(self.parameters) if p in found}

    def remember(self, memory: dict[int, dict[str, Tensor]]) -> None:
        """Puts copies of what `memory` gave, on any device, in the place of what it remembers."""
        owners = {parameter: part for part in self.parts for g in part.param_groups for parameter in g["params"]}
        for number, state in memory.items():
            parameter = self.parameters[number]
            owners[parameter].state[parameter] = {name: _beside(parameter, value) for name, value in state.items()}


def _beside(parameter: Tensor, value: Tensor) -> Tensor:
    """A copy where and as the optimiser wants it: a number of steps on a device that is not waited for, the rest in the
    parameter's own order of memory, in which fused kernels walk both (files know no channels last)."""
    if value.dim():
        return torch.empty_like(parameter).copy_(value)
    return value.clone() if parameter.device.type == "mps" else value.to(parameter.device, torch.float32, copy=True)
