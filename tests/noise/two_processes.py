"""One of two processes that train a network under DistributedDataParallel; python -m tests.noise.two_processes FOLDER.

Leaves what it has after three steps, and the gradients of the first, in FOLDER/RANK.safetensors.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from sbp import elbo_loss, parameter_groups
from tests.noise.small import joint, noisy

N_TRAIN, BATCH = 10, 6


def batch(rank: int, step: int) -> tuple[Tensor, Tensor]:
    """The examples of one process in one step, and the theta of each."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    return torch.randn(BATCH, 3, 8, 8, generator=generator), torch.rand(BATCH, 22, generator=generator)


def main(folder: Path) -> None:
    """Trains, and writes what came of it."""
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    model, _ = noisy("residual")
    ranked = DistributedDataParallel(model)
    noise = joint(ranked)
    optimiser = torch.optim.SGD(parameter_groups(ranked, lr=0.01, noise_lr=0.02))
    torch.manual_seed(100 + rank)  # each its own theta
    found: dict[str, Tensor] = {}
    for step in range(4):
        x, theta = batch(rank, step)
        optimiser.zero_grad()
        if step == 0:  # theta by hand, so that one process can compute what two did
            with noise.using(theta=theta * noise.loc.exp()):
                out = ranked(x)
        else:
            out = ranked(x)
        elbo_loss(out.square().mean(), noise, N_TRAIN).backward()
        if step == 0:
            found |= {f"grad.{name}": p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        optimiser.step()
        noise.project_()
    assert noise._state.theta is not None
    found["drawn"] = noise._state.theta.detach().clone()
    found |= {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(found, folder / f"{rank}.safetensors")
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(Path(sys.argv[1]))
