"""Why a training cannot go on: the sentences that people read. No torch."""

from __future__ import annotations

from sbp.spec import OptimisationConfig

# A noise rate this many times the weights' is the first suspect: at 100 times, small data sets went to NaN in trials.
SUSPECT_RATIO = 20


class Diverged(RuntimeError):
    """The loss or a parameter is no longer a finite number; `epoch` is the last one that ended with finite numbers."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch

    @classmethod
    def after(cls, epoch: int, optimisation: OptimisationConfig, phase: str, batch: int) -> Diverged:
        """Names the likely cause and what to change.

        >>> print(Diverged.after(4, OptimisationConfig(), "sbp", batch=250))  # doctest: +NORMALIZE_WHITESPACE
        The loss is no longer a finite number in epoch 5. The likely cause: the noise's learning rate (0.1) is
        50 times the weights' (0.002); halve it. The network of the last good epoch was kept.
        """
        lr, noise_lr = optimisation.lr, optimisation.noise_lr
        ratio = noise_lr / lr
        if phase == "sbp" and ratio >= SUSPECT_RATIO:
            cause = f"the noise's learning rate ({noise_lr:g}) is {ratio:.0f} times the weights' ({lr:g})"
        else:
            cause = f"the weights' learning rate ({lr:g}) is too high for batches of {batch}"
        return cls(
            f"The loss is no longer a finite number in epoch {epoch + 1}. The likely cause: {cause}; halve it. "
            "The network of the last good epoch was kept.",
            epoch,
        )


class OtherVersion(ValueError):
    """A checkpoint was written by a version that stored the run's parameters in another way."""

    def __init__(self) -> None:
        super().__init__(
            "This run's checkpoint was written by an earlier version of sbp, which this one cannot go on from; "
            "start the same run again. Its records and its last good network are kept."
        )
