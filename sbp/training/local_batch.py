"""One minibatch shared by the ranks that train a network together, and what keeps them at the same network.

Each rank holds the whole network and all data, takes its own part of every minibatch and draws its own noise. It has
the loss

    mean NLL of its part + strength * KL / N

with the whole KL / N on every rank. Parts are equal, so the mean over ranks of these losses is the loss of the whole
batch with the KL counted once, and so for their gradients, which are averaged before the optimiser's step. Of the batch
normalisations each rank normalises its part by the part's own moments, as a batch of that size alone would be; the
running moments are averaged with the gradients, so that the networks stay equal at every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sbp.machine.distributed import RankError, Ranks
from sbp.networks.batch_norms import batch_norms
from sbp.training.schedule import seed_of


def part_of(examples: Tensor, ranks: Ranks) -> Tensor:
    """This rank's part of a minibatch's examples, [batch / world].

    >>> part_of(torch.arange(6), Ranks(rank=1, world=3))
    tensor([2, 3])
    """
    size = ranks.local_batch(len(examples))
    return examples[ranks.rank * size : (ranks.rank + 1) * size]


@torch.no_grad()
def average_(tensors: Sequence[Tensor], ranks: Ranks) -> None:
    """Replaces tensors of one dtype by their means over the ranks, by one all_reduce, which a CUDA graph can hold."""
    if ranks.world == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    ranks.all_reduce_(flat)
    flat.div_(ranks.world)
    parts = flat.split([tensor.numel() for tensor in tensors])
    torch._foreach_copy_(list(tensors), [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)])


def moments_of(network: nn.Module) -> list[Tensor]:
    """The running means and variances of batch normalisations that a step moves."""
    moved = [norm for norm in batch_norms(network) if norm.training]
    return [buffer for norm in moved for buffer in norm.buffers() if buffer.is_floating_point()]


@torch.no_grad()
def check_equal(network: nn.Module, ranks: Ranks) -> None:
    """Raises `RankError` when the ranks do not hold the same network to the last bit, by the sum of each tensor."""
    if ranks.world == 1:
        return
    state = network.state_dict()
    sums = torch.stack([tensor.double().sum() for tensor in state.values()]).cpu().view(torch.int64)
    of_all = ranks.gather(sums)
    differs = (of_all != of_all[0]).any(0).tolist()
    if any(differs):
        names = [name for name, other in zip(state, differs, strict=True) if other]
        raise RankError(
            f"The {ranks} no longer hold the same network ({', '.join(names[:3])}), so their gradients do not belong "
            "together. Expected devices of one kind; resume goes on from the last checkpoint."
        )


def generator_of(device: str, seed: int, ranks: Ranks) -> torch.Generator:
    """Where this rank's draws come from, a function of seed and rank; rank 0 begins as a process alone does."""
    return torch.Generator(device).manual_seed(seed_of(seed, ranks.rank) if ranks.rank else seed)


def draws_of(generator: torch.Generator, ranks: Ranks) -> dict[str, Tensor]:
    """Where the draws of every rank stand, by name, for a checkpoint; all ranks must have come here."""
    states = [generator.get_state()] if ranks.world == 1 else list(ranks.gather(generator.get_state()))
    return {_name(rank): state for rank, state in enumerate(states)}


def resume_draws(generator: torch.Generator, tensors: dict[str, Tensor], ranks: Ranks, seed: int, step: int) -> None:
    """Goes on where `draws_of` stood. With another number of ranks, or on a device whose generator is another one (a
    GPU's run taken up on a CPU), there is no such place: each starts new draws, a function of seed, rank, number of
    ranks and step."""
    state = tensors.get(_name(ranks.rank))
    ranks_before = sum(name.partition(".")[0] == _name(0) for name in tensors)
    if state is not None and ranks_before == ranks.world and state.shape == generator.get_state().shape:
        # A state that is a row of a larger tensor is read from that tensor's beginning and may end the process
        # (torch 2.13), hence the copy.
        generator.set_state(state.clone())
    else:
        generator.manual_seed(seed_of(seed, ranks.rank, ranks.world, step))


def _name(rank: int) -> str:
    return f"generator.{rank}" if rank else "generator"
