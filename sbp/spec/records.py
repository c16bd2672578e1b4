"""What a training says while it goes on: progress, records, snapshots. Plain data, no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, get_args

import numpy as np
from pydantic import Field

from sbp.spec.ranges import AtLeast0, Count, Epoch, Epochs, Finite, Percent, Phase, Seconds

TRAIN_SAMPLE = 5000  # the first training examples, whose error is recorded beside that of the held-out ones
# Without noise; with the noise on (of a method without noise: with its penalty); the weights alone, all else frozen.
PHASES: tuple[Phase, ...] = get_args(Phase)


@dataclass(frozen=True)
class Record:
    """The scalars of one finished epoch; the ranges of the fields are checked as they are read from a file.

    nll: mean over training examples of -log p(y | x, theta) with theta drawn, in nats per example.
    kl: KL(q || p) summed over all units, unweighted, in nats; a unit that was cut out (`shrink_after`) counts with the
    mu and log sigma that it had last. kl_weighted: the same with the KL weights.
    loss: nll + kl_weighted / n_train, the negative bound per example.
    kept: units with SNR >= 1 in each noise layer, a pruned channel counted with its features.
    train_error_percent and validation_error_percent are of the pruned network (theta = E[theta] * keep);
    the latter is None where nothing was held out, and either where a loop that is not ours did not say it. accuracy of
    the noisy network is not recorded.
    """

    epoch: Epoch
    step: Count
    phase: Phase
    seconds: Seconds
    nll: Finite
    kl: Finite
    kl_weighted: Finite
    loss: Finite
    train_error_percent: Percent | None
    validation_error_percent: Percent | None
    kept: Annotated[tuple[Count, ...], Field(max_length=1000)]
    macs: Count
    lr: AtLeast0
    noise_lr: AtLeast0

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return dict(vars(self))  # its values are numbers and a tuple: nothing to copy deeply


@dataclass(frozen=True)
class Snapshot:
    """mu and log sigma of every unit after an epoch, by layer name; float32 [units]. Epoch 0 is the initialisation.

    A unit that was cut out (`shrink_after`) has those that it had last.
    """

    epoch: int
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]


@dataclass(frozen=True)
class StepRecord:
    """The scalars of one of the first steps of a phase (`sbp.training.early`).

    step counts over the whole run. epoch: epochs that had passed by then, with their fraction; of pretraining below 0.
    nll: mean over the steps since the last snapshot, of a step or of an epoch, in nats per example. kl, kl_weighted and
    loss are those of `Record`. kept: as in `Record`; None where units have no noise, or not yet.
    """

    step: Count
    epoch: Epochs
    phase: Phase
    nll: Finite
    kl: Finite
    kl_weighted: Finite
    loss: Finite
    kept: Annotated[tuple[Count, ...], Field(max_length=1000)] | None

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class StepSnapshot:
    """A step's scalars with mu and log sigma of every unit after it, by layer name; none where units have no noise."""

    record: StepRecord
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]


@dataclass(frozen=True)
class Progress:
    """Where a training stands between two records.

    epoch counts from 1 within its phase; step and steps count over the whole run, both phases.
    seconds_left and seconds_to_first_prune are estimates, None while there is nothing to judge by;
    the latter is 0 once a unit has been pruned.
    """

    phase: Phase
    epoch: int
    epochs: int
    step: int
    steps: int
    seconds: float
    seconds_left: float | None
    seconds_to_first_prune: float | None
    nll: float

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return dataclasses.asdict(self)
