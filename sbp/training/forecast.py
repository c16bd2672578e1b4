"""When will the first unit be pruned? An estimate that a page can show while nothing has happened yet."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sbp.noise.joint_noise import JointNoise
from sbp.pruning.forecast import steps_to_prune


@dataclass
class PruneForecast:
    """Extrapolates the lowest log SNR from where it was first looked at (`steps_to_prune`)."""

    first_step: int | None = None
    first_log_snr: float = 0.0
    happened: bool = False

    def steps_left(self, step: int, noise: JointNoise, noise_lr: float) -> float | None:
        """Steps until some unit's SNR is below the threshold; 0 once it has been, None while it only rises."""
        if self.happened:
            return 0.0
        lowest = float(torch.log(noise.snr_units().min() / noise.threshold))
        if lowest < 0:
            self.happened = True
            return 0.0
        if self.first_step is None or step == self.first_step:
            self.first_step, self.first_log_snr = step, lowest
        return steps_to_prune(self.first_step, self.first_log_snr, step, lowest, noise_lr)
