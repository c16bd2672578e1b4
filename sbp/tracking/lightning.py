"""A Lightning training as a run of the app: the callback for its `Trainer`."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from sbp.tracking.callback import Tracking


class TrackingCallback(Tracking, Callback):
    """Writes a Lightning training as a run: from its first epoch on it is on every page of the app.

    Stop in the app ends the training after its epoch; an exception shows as failed.

    Args:
        folder: as for `sbp.track`.
        example_input: as for `sbp.track`.
        values: from the metrics that were logged in an epoch (`trainer.callback_metrics`) to the arguments of
            `TrackedRun.log`: `lambda logged: {"nll": logged["nll"]}`.
        options: n_train, and what else `sbp.track` takes; epochs are the trainer's `max_epochs`.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begins the run."""
        self.begin(pl_module, trainer.optimizers[0], trainer.max_epochs or 1)

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
