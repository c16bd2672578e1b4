"""A training by transformers' `Trainer` as a run of the app: its callback."""

from __future__ import annotations

import math
from typing import Any

from torch import distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from sbp.tracking.callback import Tracking


class TrackingCallback(Tracking, TrainerCallback):
    """Writes a training by a `Trainer` as a run: from its first epoch on it is on every page of the app.

    Stop in the app ends the training after its epoch. The Trainer tells callbacks of no exception: within
    `with callback: trainer.train()` it shows as failed, without as lost once the process has ended.

    Args:
        folder: as for `sbp.track`.
        example_input: as for `sbp.track`.
        values: from the metrics that were logged in an epoch (as in `state.log_history`) to the arguments of
            `TrackedRun.log`: `lambda logged: {"nll": logged["loss"]}`.
        options: n_train, and what else `sbp.track` takes; epochs are the trainer's `num_train_epochs`.
    """

    _known = 0  # entries of the history that were there at the end of the last epoch
    _due = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Begins the run."""
        self.begin(others["model"], others["optimizer"], math.ceil(state.num_train_epochs))

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """An epoch is over; what it logs and evaluates comes after this."""
        self._due = True
        if self.run is not None:
            asked = [self.run.stop_requested]
            if distributed.is_available() and distributed.is_initialized():
                distributed.broadcast_object_list(asked)
            control.should_training_stop |= asked[0]

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Logs the epoch before."""
        self._log(state)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Logs the last epoch and ends the run."""
        self._log(state)
        if self.run is not None:
            self.run.finish()

    def __enter__(self) -> TrackingCallback:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self.run is not None and error is not None:
            self.run.fail(error)

    def _log(self, state: TrainerState) -> None:
        if self._due and self.run is not None:
            logged = {name: value for entry in state.log_history[self._known :] for name, value in entry.items()}
            self._known, self._due = len(state.log_history), False
            self.run.log(**self.values(logged))
