"""The first steps of a phase, looked at more often than once an epoch: a collapse takes less than one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from sbp.noise.install import joint_noise_of
from sbp.pruning.masks import own_masks
from sbp.spec.records import StepRecord, StepSnapshot
from sbp.training.schedule import PhaseSchedule, kl_strength
from sbp.training.shrinking import Shrinking
from sbp.training.stepper import exclusive

EVERY, EVENLY, GROWTH, LAST = 10, 200, 1.05, 1000


def early_steps() -> tuple[int, ...]:
    """After which steps of a phase it is looked at: every 10 up to 200, then each 5 % later than the one before, none
    after 1,000. What holds before the first step is the snapshot of the epoch before.

    >>> early_steps()[:3], early_steps()[18:22], early_steps()[-1], len(early_steps())
    ((10, 20, 30), (190, 200, 210, 220), 952, 52)
    """
    later = EVENLY * GROWTH ** np.arange(1, int(np.log(LAST / EVENLY) / np.log(GROWTH)) + 1)
    return (*range(EVERY, EVENLY + 1, EVERY), *map(int, later))


@dataclass
class SoFar:
    """Where the last snapshot stood in its epoch: its steps, and the sums over them; all 0 as an epoch begins."""

    steps: int = 0
    nll: float = 0.0
    data: float = 0.0


class EarlySteps:
    """Takes the snapshots of a run's first steps; in fine-tuning, which moves no noise, there are none.

    Args:
        shrinking: what is trained, at full width.
        times: its phases.
    """

    def __init__(self, shrinking: Shrinking, times: PhaseSchedule) -> None:
        self.shrinking, self.times, self.steps = shrinking, times, frozenset(early_steps())
        self.so_far = SoFar()

    @property
    def state(self) -> dict[str, Any]:
        """For a checkpoint, as JSON can hold it."""
        return asdict(self.so_far)

    def go_on(self, state: Mapping[str, Any]) -> None:
        """From where a checkpoint was taken."""
        self.so_far = SoFar(**state)

    def begin_epoch(self) -> None:
        """The sums over the epoch's steps start at 0, and the epoch before has its own snapshot."""
        self.so_far = SoFar()

    def due(self, step: int) -> bool:
        """Whether now, after this many steps of the run, the last in the stepper's phase; never at an epoch's end."""
        phase = self.shrinking.stepper.phase
        in_time = step - self.times.begin_of(phase) in self.steps and step % self.times.steps_an_epoch > 0
        return in_time and phase != "finetune"

    @exclusive
    @torch.no_grad()
    def take(self, step: int, epoch_steps: int) -> StepSnapshot | None:
        """The snapshot of now, by one transfer from the device; None where a number of it is not finite.

        Args:
            step: steps of the run that have been taken.
            epoch_steps: those of this epoch.
        """
        stepper, before = self.shrinking.stepper, self.so_far
        epoch, n_train, layers = self.times.epochs_at(step), stepper.split.n_train, self.shrinking.layers
        network, method = self.shrinking.whole()
        scalars = [stepper.nll_sum, stepper.data_sum]
        if stepper.phase == "sbp":
            strength = kl_strength(epoch, stepper.schedule.kl_warmup)
            scalars += method.penalty(network, n_train, torch.tensor(strength, device=stepper.device))
        noisy = stepper.phase == "sbp" and method.settings.has_noise
        noise = joint_noise_of(network) if noisy else None
        units = [noise.loc, noise.log_scale] if noise else []
        told = torch.cat([torch.stack(scalars).float(), *units]).cpu().numpy()
        if not np.isfinite(told).all():
            return None
        nll, data, *penalty = map(float, told[: len(scalars)])
        self.so_far = SoFar(epoch_steps, nll, data)
        steps = epoch_steps - before.steps
        nll = (nll - before.nll) / steps
        data = (data - before.data) / steps if stepper.teacher is not None else nll
        term, kl, weighted = penalty or (0.0, 0.0, 0.0)
        kept, loc, log_scale = None, {}, {}
        if noise:
            loc, log_scale = map(noise.layout.split, np.split(told[len(scalars) :], 2))
            interval = method.noise_config.log_low, method.noise_config.log_high
            masks = own_masks(loc, log_scale, layers, *interval)
            kept = tuple(int(masks[layer.name].sum()) for layer in layers)
        record = StepRecord(step, epoch, stepper.phase, nll, kl, weighted, data + term, kept)
        return StepSnapshot(record, loc, log_scale)
