"""The learning rate through a phase of training, the weight of the KL through the main one, the order of examples."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from sbp.spec import ScheduleConfig
from sbp.spec.ranges import Phase
from sbp.spec.records import PHASES


def rate_factor(done: float) -> float:
    """The factor on both learning rates when a share `done` in [0, 1] of the phase has passed: 1 for the first half,
    then linearly to 0, as the authors' released code has it.

    >>> [rate_factor(done) for done in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return min(1.0, 2.0 * (1.0 - done))


def kl_strength(epochs: float, warmup: tuple[int, ...] = ()) -> float:
    """The factor on the KL when this many epochs of the main phase have passed: 1, or with a warm-up 0 up to its first
    epoch and linearly to 1 at its second.

    >>> [kl_strength(epochs, (5, 20)) for epochs in (0, 5, 12.5, 20, 40)], kl_strength(3)
    ([0.0, 0.0, 0.5, 1.0, 1.0], 1.0)
    """
    if not warmup:
        return 1.0
    first, last = warmup
    return min(1.0, max(0.0, (epochs - first) / (last - first)))


def order_of(seed: int, epoch: int, examples: int) -> Tensor:
    """The order in which an epoch, counted from 0 over all phases, goes through its examples: int64 [examples], CPU.

    It is a function of seed and epoch alone.

    >>> order_of(seed=0, epoch=3, examples=5).sort().values
    tensor([0, 1, 2, 3, 4])
    """
    return torch.randperm(examples, generator=torch.Generator().manual_seed(seed_of(seed, epoch)))


def seed_of(*numbers: int) -> int:
    """A seed for a generator that differs from that of any other numbers, as far as 63 bits can."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) % 2**63


class PhaseSchedule:
    """Which step of a run belongs to which phase, and what holds at it.

    >>> times = PhaseSchedule(ScheduleConfig(pretrain_epochs=1, epochs=2, finetune_epochs=1), steps_an_epoch=10)
    >>> times.steps, [times.phase_at(step) for step in (9, 10, 30)]
    (40, ['pretrain', 'sbp', 'finetune'])
    >>> round(times.epoch_schedule(step=25, phase="sbp")[0][-1], 3)  # the last of the 20 steps with the noise on
    0.1
    """

    def __init__(self, schedule: ScheduleConfig, steps_an_epoch: int) -> None:
        self.schedule, self.steps_an_epoch = schedule, steps_an_epoch
        self.epochs = (schedule.pretrain_epochs, schedule.epochs, schedule.finetune_epochs)
        self.ends = [epochs * steps_an_epoch for epochs in itertools.accumulate(self.epochs)]

    @property
    def steps(self) -> int:
        """Steps of the whole run, all phases."""
        return self.ends[-1]

    def phase_at(self, step: int) -> Phase:
        """The phase that a step belongs to; after the last step the last."""
        return PHASES[min(sum(step >= end for end in self.ends), len(PHASES) - 1)]

    def begin_of(self, phase: str) -> int:
        """Steps of the run before a phase."""
        index = PHASES.index(phase)
        return self.ends[index - 1] if index else 0

    def epochs_at(self, step: int) -> float:
        """Epochs after pretraining, with their fraction, when this many steps of the run have been taken."""
        return (step - self.ends[0]) / self.steps_an_epoch

    def rate_factor(self, step: int, phase: str) -> float:
        """The factor on the learning rates when this many steps of the run have been taken."""
        before = self.begin_of(phase)
        return rate_factor((step - before) / (self.ends[PHASES.index(phase)] - before))

    def epoch_schedule(self, step: int, phase: str) -> tuple[list[float], list[float]]:
        """For each step of the epoch that this one is in: the factor on the rates, and the strength of the KL."""
        first = step - step % self.steps_an_epoch
        steps = range(first, first + self.steps_an_epoch)
        warmup = self.schedule.kl_warmup
        return [self.rate_factor(at, phase) for at in steps], [kl_strength(self.epochs_at(at), warmup) for at in steps]
