"""Distillation: the network as pretraining left it, still whole and without noise, teaches the one that is pruned."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional


def teacher_of(network: nn.Module) -> nn.Module:
    """A frozen copy of a network, as it is evaluated; it shares no memory with it."""
    return copy.deepcopy(network).eval().requires_grad_(False)


@torch.no_grad()
def answers_of(teacher: nn.Module, images: Tensor, batch: int = 1000) -> Tensor:
    """The teacher's logits for images [n, ...], computed a batch at a time: float32 [n, classes]."""
    return torch.cat([teacher(part).float() for part in images.split(batch)])


def distillation(logits: Tensor, taught: Tensor, temperature: float) -> Tensor:
    """How far a network's answers are from its teacher's, both softened.

    T² KL(softmax(t / T) || softmax(z / T)), mean over examples; T² keeps its gradient as large as that of the NLL.

    Args:
        logits: z, the network's, float [examples, classes].
        taught: t, the teacher's, of the same shape.
        temperature: T, above 0; the larger, the more the wrong classes count.

    Returns:
        A scalar in nats, 0 where both answer alike.

    Reference: Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531,
    section 2.

    >>> import torch
    >>> same = torch.tensor([[2.0, 0.0]])
    >>> distillation(same, same, 2.0).item(), round(distillation(same, -same, 1.0).item(), 4)
    (0.0, 1.5232)
    """
    student, teacher = (functional.log_softmax(values / temperature, 1) for values in (logits, taught))
    return temperature**2 * functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
