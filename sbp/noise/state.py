"""What one forward pass multiplies by; not part of a network's state, so neither copied nor saved with it.

A part of a network that is checkpointed is computed once more in the backward pass, by when the forward pass is over.
It must meet the same theta again, so what a pass multiplied by stays; and since there may have been others since, a
hook on a pass's outputs brings it back as soon as its gradients come in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function


class Transient:
    """A state that is neither copied nor saved with its module: every copy starts afresh."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Transient:
        return type(self)()

    def __reduce__(self) -> tuple[type[Transient], tuple[()]]:
        return type(self), ()


class ForwardState(Transient):
    """The multipliers of the forward pass in progress.

    parts: [examples or 1, units] of each group, None while the noise is off. theta: what they are parts of, where it
    was drawn. reentrant: whether some layer read them without recording, as under `checkpoint(use_reentrant=True)`.
    pending: multipliers for the next forward pass that were drawn beforehand. kl: the KL of every unit that came with
    the last draw, for one use. running: whether the network's own forward pass is in progress. generator: what the
    last draw came from, None for torch's own.
    """

    def __init__(self) -> None:
        self.parts: tuple[Tensor, ...] | None = None
        self.theta: Tensor | None = None
        self.pending: Tensor | None = None
        self.kl: Tensor | None = None
        self.reentrant = False
        self.running = False
        self.generator: torch.Generator | None = None

    def remember(self, outputs: Iterable[Tensor]) -> None:
        """Has a pass brought back when gradients reach its outputs."""
        this = _Pass(self)
        for output in outputs:
            if output.requires_grad:
                output.register_hook(this)

    def read_again(self, noise: nn.Module) -> tuple[Tensor, ...]:
        """The parts for a layer that is computed again in the backward pass."""
        assert self.parts is not None
        if not self.reentrant or self.theta is None or not self.theta.requires_grad:
            return self.parts
        parameters = [parameter for parameter in noise.parameters() if parameter.requires_grad]
        theta: Tensor = _Again.apply(self.theta.detach(), self, *parameters)
        return theta.split([part.shape[1] for part in self.parts], dim=1)


class _Pass:
    """A hook on a pass's output, called with its gradient."""

    def __init__(self, state: ForwardState) -> None:
        self.state, self.what = state, (state.parts, state.theta, state.reentrant)

    def __call__(self, gradient: Tensor) -> None:
        self.state.parts, self.state.theta, self.state.reentrant = self.what


class _Again(Function):
    """theta as it was drawn, with a backward pass of its own to mu and log sigma, for every checkpointed part one.

    Each part runs a whole backward pass; the draw's own would be freed after the first.
    """

    @staticmethod
    def forward(ctx: Any, theta: Tensor, state: ForwardState, *parameters: Tensor) -> Tensor:
        ctx.theta, ctx.parameters = state.theta, parameters
        return theta.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        by = torch.autograd.grad(ctx.theta, ctx.parameters, grads[0], retain_graph=True, allow_unused=True)
        return None, None, *by
