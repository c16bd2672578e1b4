"""What moves the parameters of a phase: Adam all of them, or SGD the weights and Adam the noise; seen as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sbp.methods.base import Group
from sbp.spec import OptimisationConfig

# Nesterov's, as is usual with SGD (Sutskever et al. 2013, "On the importance of initialization and momentum").
MOMENTUM = 0.9


class Optimiser:
    """Moves groups of parameters, the weights first, each at its own rate; its parameters are numbered from 0 through
    all groups, and what it remembers of them goes by these numbers.

    With `optimisation.optimiser` "sgd" the weights' step is v <- 0.9 v + g, w <- w - lr (g + 0.9 v), g with the weight
    decay's part; whatever else a method learns is moved by Adam, since log-variances have another scale than weights.
    rates: [groups], read at every step, so that a captured step sees what is written there.
    """

    def __init__(self, groups: Sequence[Group], rates: Tensor, optimisation: OptimisationConfig) -> None:
        self.rates = rates
        self.parameters = [parameter for group in groups for parameter in group.params]
        self.learned = self.parameters[len(groups[0].params) :]  # beside the weights
        of_sgd = 1 if optimisation.optimiser == "sgd" else 0
        described = [{"params": group.params, "weight_decay": group.weight_decay} for group in groups]
        kind = rates.device.type
        fused = kind != "mps"
        self.parts: list[torch.optim.Optimizer] = []
        if sgd := described[:of_sgd]:
            self.parts.append(torch.optim.SGD(sgd, lr=rates[0], momentum=MOMENTUM, nesterov=True, fused=fused))
        if adam := described[of_sgd:]:
            self.parts.append(
                torch.optim.Adam(
                    adam,
                    lr=rates[0],
                    fused=fused,
                    capturable=kind == "cuda",
                    decoupled_weight_decay=optimisation.decoupled_decay,
                )
            )
        # Each group reads its rate where the step writes it.
        for group, rate in zip((g for part in self.parts for g in part.param_groups), rates.unbind(), strict=True):
            group["lr"] = rate

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
