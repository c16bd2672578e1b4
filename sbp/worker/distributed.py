"""One run trained by several processes, which torchrun started (`sbp.machine.distributed`).

Rank 0 is the run's worker: it alone has the folder, waits for the device's turn and writes. The others hear from it
what to train and from which checkpoint, and come to the same events; when one is asked to stop, all stop at one step. A
rank that ends badly ends all: the others find it gone, and the run has failed and can be resumed.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any, NoReturn, TextIO

from sbp.machine.distributed import Ranks
from sbp.runs.device_queue import place, wait_for_turn
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.records import Record
from sbp.worker.outcome import sentence_of
from sbp.worker.worker import StopAsked, Worker, heeding

# What the others hear while rank 0 waits for the device's turn; then a config, or nothing when it was stopped.
WAIT = b"wait"


class Lead(Worker):
    """Rank 0."""

    def __init__(self, folder: RunFolder, ranks: Ranks, log: TextIO | None = None) -> None:
        super().__init__(folder, load=_loader(ranks), log=log)
        self.ranks = ranks

    def agreed(self, wanted: bool) -> bool:
        """What one rank wants, all do."""
        return self.ranks.any(wanted)

    def _train(self) -> None:
        self.ranks.meet()
        self.device = self.ranks.take(self.config.device)
        self.folder.write_status(State.QUEUED, device=self.device, place=place())
        slot = wait_for_turn(self.folder, self.device, self._still_waiting)
        self.ranks.tell(self.config.to_json().encode() if slot else b"")
        if slot is None:
            raise StopAsked
        try:
            self.ranks.ready(self.device)
            self._train_now()
        finally:
            slot.release()

    def _still_waiting(self) -> bool:
        self.ranks.tell(WAIT)
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
            print(f"Rank {self.ranks.rank}: {sentence_of(error)}", file=sys.stderr)
            return State.FAILED

    def _train(self) -> State:
        import torch

        ranks = self.ranks
        while (heard := ranks.tell()) == WAIT:
            pass
        if not heard:
            return State.STOPPED
        config = RunConfig.from_json(heard.decode())
        config = config.replace(device=ranks.take(config.device))
        ranks.ready(config.device)
        # From here on as rank 0 does it (`Worker._train_now`): each word of one is awaited by the others.
        if ranks.any(self.signalled):
            return State.STOPPED
        if config.threads:
            torch.set_num_threads(config.threads)
        dataset = _loader(ranks)(config.data.dataset)
        if ranks.any(self.signalled):
            return State.STOPPED
        self.training = _training(config, dataset, None, ranks)
        for event in self.training.events():
            if isinstance(event, Record):
                continue
            if ranks.any(self.signalled):
                self.training.checkpoint()
                return State.STOPPED
            if ranks.any(False):
                self.training.checkpoint()
        return State.FINISHED


def train(folder: RunFolder | None, ranks: Ranks, log: TextIO | None = None) -> State:
    """Trains as this rank and gives the run's last state; folder: the run's, for rank 0, held until it has ended.

    Raises `RankError` when rank 0 does not come.
    """
    if folder is None:
        ranks.meet()  # not yet heeding signals: nothing would come of them while it waits for rank 0
    trainer = Other(ranks) if folder is None else Lead(folder, ranks, log)
    (state,) = heeding(trainer)
    if state in (State.FINISHED, State.STOPPED):
        part(trainer.training, ranks)
    return state


def part(training: Any, ranks: Ranks) -> None:
    """Leaves the others, who are leaving as well: NCCL cannot go while a graph holds what it does."""
    if training is not None:
        training.stepper.graph = None
    ranks.leave()


def leave_at_once(code: int) -> NoReturn:
    """Ends this process where an orderly end would wait for a GPU that waits for a rank that is gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _loader(ranks: Ranks) -> Any:
    def load(name: str, progress: Any = None) -> Any:
        from sbp.data import datasets

        # Nobody listens for a request to stop while the others wait for the files.
        return ranks.in_turn(lambda: datasets.load(name))

    return load


def _training(config: RunConfig, dataset: Any, checkpoint: Any, ranks: Ranks) -> Any:
    from sbp.training.checkpoint import told
    from sbp.training.loop import Training

    return Training(config, dataset, told(checkpoint, ranks), ranks)
