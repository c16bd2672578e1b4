"""One run trained by several processes, which torchrun started (`sbp.machine.distributed`).

Rank 0 is the run's worker: it alone has the folder, waits for the device's turn and writes. It broadcasts the config
and the checkpoint, and all ranks come to the same events. A request to stop that reaches one rank stops all at the same
step. A rank that fails ends all: the run has failed and can be resumed.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn, TextIO

from sbp.data import datasets
from sbp.machine.distributed import Ranks
from sbp.runs.device_queue import acquire, gpu_slot
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.records import Record
from sbp.worker.outcome import StopAsked, explain_error
from sbp.worker.signals import run_with_signals
from sbp.worker.worker import Worker

# What the others hear while rank 0 waits for the device's turn; then a config, or nothing when it was stopped.
WAIT = b"wait"


class Lead(Worker):
    """Rank 0."""

    def __init__(self, folder: RunFolder, ranks: Ranks, log: TextIO | None = None) -> None:
        super().__init__(folder, load=_loader(ranks), log=log)
        self.ranks = ranks

    def all_ranks_want(self, wanted: bool) -> bool:
        """What one rank wants, all do."""
        return self.ranks.any_rank(wanted)

    def _train(self) -> None:
        self.ranks.init()
        self.device = self.ranks.select_device(self.config.device)
        self.folder.write_status(State.QUEUED, device=self.device, place=gpu_slot())
        slot = acquire(self.folder, self.device, self._still_waiting)
        self.ranks.broadcast_bytes(self.config.to_json().encode() if slot else b"")
        if slot is None:
            raise StopAsked
        try:
            self.ranks.init_nccl(self.device)
            self._train_now()
        finally:
            slot.release()

    def _still_waiting(self) -> bool:
        self.ranks.broadcast_bytes(WAIT)
        return self.stop_asked()

    def _training(self, config: RunConfig, dataset: Any, checkpoint: Any) -> Any:
        return _training(config, dataset, checkpoint, self.ranks)

    def _finish(self) -> None:
        part(self.training, self.ranks)  # what is left is rank 0's alone
        super()._finish()


class Other:
    """Any other rank; `run` gives the run's last state as far as this rank knows it."""

    def __init__(self, ranks: Ranks) -> None:
        self.ranks, self.signalled = ranks, False
        self.training: Any = None

    def run(self) -> State:
        """Trains along to the end, whichever it is, and never raises."""
        try:
            return self._train()
        except Exception as error:
            traceback.print_exc()
            print(f"Rank {self.ranks.rank}: {explain_error(error)}", file=sys.stderr)
            return State.FAILED

    def _train(self) -> State:
        import torch  # as in `worker`

        ranks = self.ranks
        while (heard := ranks.broadcast_bytes()) == WAIT:
            pass
        if not heard:
            return State.STOPPED
        config = RunConfig.from_json(heard.decode())
        config = config.replace(device=ranks.select_device(config.device))
        ranks.init_nccl(config.device)
        # From here on as rank 0 does it (`Worker._train_now`): each word of one is awaited by the others.
        if ranks.any_rank(self.signalled):
            return State.STOPPED
        if config.threads:
            torch.set_num_threads(config.threads)
        dataset = _loader(ranks)(config.data.dataset)
        if ranks.any_rank(self.signalled):
            return State.STOPPED
        self.training = _training(config, dataset, None, ranks)
        for event in self.training.events():
            if isinstance(event, Record):
                continue
            if ranks.any_rank(self.signalled):
                self.training.checkpoint()
                return State.STOPPED
            if ranks.any_rank(False):
                self.training.checkpoint()
        return State.FINISHED


def train(folder: RunFolder | None, ranks: Ranks, log: TextIO | None = None) -> State:
    """Trains as this rank and gives the run's last state; folder: the run's, for rank 0, locked until it has ended.

    Raises `RankError` when rank 0 does not come.
    """
    if folder is None:
        ranks.init()  # signals are not handled yet: nothing would come of them while it waits for rank 0
    trainer = Other(ranks) if folder is None else Lead(folder, ranks, log)
    (state,) = run_with_signals(trainer)
    if state in (State.FINISHED, State.STOPPED):
        part(trainer.training, ranks)
    return state


def part(training: Any, ranks: Ranks) -> None:
    """Leaves the others, who are leaving as well: NCCL cannot go while a graph holds what it does."""
    if training is not None:
        training.stepper.graph = None
    ranks.close()


def leave_at_once(code: int) -> NoReturn:
    """Ends this process where an orderly end would wait for a GPU that waits for a rank that has ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _loader(ranks: Ranks) -> Any:
    def load(name: str, progress: Any = None) -> Any:
        # Nobody listens for a request to stop while the others wait for the files.
        return ranks.rank0_first(lambda: datasets.load(name))

    return load


def _training(config: RunConfig, dataset: Any, checkpoint: Any, ranks: Ranks) -> Any:
    # As in `worker`: an error while torch is imported is one of the run's.
    from sbp.training.checkpoint import broadcast_checkpoint
    from sbp.training.loop import Training

    return Training(config, dataset, broadcast_checkpoint(checkpoint, ranks), ranks)
