"""A Lightning training as a run of the app: the callback for its `Trainer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from sbp.tracking.run import TrackedRun, track


class TrackingCallback(Callback):
    """Writes a Lightning training as a run: from its first epoch on it is on every page of the app.

    Stop in the app ends the training after its epoch; an exception shows as failed.

    Args:
        folder: as for `sbp.track`.
        example_input: as for `sbp.track`.
        values: from the metrics that were logged in an epoch (`trainer.callback_metrics`) to the arguments of
            `TrackedRun.log`: `lambda logged: {"nll": logged["nll"]}`.
        options: n_train, and what else `sbp.track` takes; epochs are the trainer's `max_epochs`.
    """

    def __init__(
        self,
        folder: str | Path,
        example_input: Any,
        values: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        **options: Any,
    ) -> None:
        self.folder, self.example_input, self.values, self.options = folder, example_input, values, options
        self.run: TrackedRun | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begins the run."""
        options = {"epochs": max(1, trainer.max_epochs or 1), **self.options}
        self.run = track(pl_module, self.folder, self.example_input, trainer.optimizers[0], **options)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs the epoch, and stops all ranks where Stop was pressed."""
        if self.run is not None:
            self.run.log(**self.values(trainer.callback_metrics))
            trainer.should_stop |= trainer.strategy.broadcast(self.run.stop_requested)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ends the run."""
        if self.run is not None:
            self.run.finish()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Ends the run as failed."""
        if self.run is not None:
            self.run.fail(exception)
