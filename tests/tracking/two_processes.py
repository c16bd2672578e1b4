"""One of two processes that train the small network under DistributedDataParallel: python -m ... FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import sbp
from tests.tracking.small import EPOCHS, N, adam, batches, digits, loss_of, network


def main(root: Path) -> None:
    """Each takes every other batch; both track, and rank 0 alone writes."""
    dist.init_process_group("gloo")
    rank, model = dist.get_rank(), network()
    ranked, optimiser = DistributedDataParallel(model), adam(model)
    torch.manual_seed(rank)
    with sbp.track(ranked, root / "mine", digits(2)[0], optimiser, n_train=N, epochs=EPOCHS) as run:
        for _ in range(EPOCHS):
            for x, y in list(batches())[rank::2]:
                loss, nll = loss_of(ranked, x, y)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
            run.log(nll=nll)
        assert run.epoch == EPOCHS
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
