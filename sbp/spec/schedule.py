"""How long each phase of training lasts, and what happens in the course of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import model_validator

from sbp.spec.section import Section, WholeNumbers, setting


class ScheduleConfig(Section):
    """The epochs of pretraining, of the main phase and of fine-tuning, and what depends on the epoch.

    >>> ScheduleConfig(epochs=20, finetune_epochs=5).last_epoch
    25
    """

    section: ClassVar[str] = "schedule"

    epochs: int = setting(30, "Passes over the training set with the noise on.", "epochs", ge=1)
    pretrain_epochs: int = setting(0, "Passes over the training set before that, without noise.", "epochs", ge=0)
    finetune_epochs: int = setting(
        0,
        "Epochs after that without the pruned units and with mu and sigma frozen: only the weights train.",
        "epochs",
        ge=0,
    )
    kl_warmup: WholeNumbers = setting(
        (),
        "Two epochs: up to the first the KL has weight 0, from there it grows linearly to its full weight at the "
        "second. Empty: its full weight from the start.",
        "epochs",
    )
    average_decay: float = setting(
        0.0,
        "While fine-tuning, the network that is evaluated and saved is an exponential average of the weights "
        "with this decay a step; 0 keeps the last weights.",
        "per step",
        ge=0,
        lt=1,
    )
    shrink_after: int = setting(
        0,
        "Units that have been removed for this many epochs in a row are cut out of the network in training, which "
        "makes it faster; none of them can come back. 0 cuts nothing.",
        "epochs",
        ge=0,
    )

    @model_validator(mode="after")
    def _check_warmup(self) -> Any:
        if self.kl_warmup and not (len(self.kl_warmup) == 2 and 0 <= self.kl_warmup[0] < self.kl_warmup[1]):
            raise self.wrong(
                "kl_warmup", f"expected two epochs, the first below the second, got {list(self.kl_warmup)}."
            )
        return self

    @property
    def last_epoch(self) -> int:
        """The number of the last epoch, fine-tuning included."""
        return self.epochs + self.finetune_epochs
