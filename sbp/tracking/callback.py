"""What the callbacks for trainers of others have in common: what they are told, and the run that they write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sbp.tracking.run import TrackedRun, track


class Tracking:
    """Begins a run when a trainer's training begins; the trainer's own callback logs its epochs and ends it.

    Args:
        folder: as for `sbp.track`.
        example_input: as for `sbp.track`.
        values: from the metrics that were logged in an epoch to the arguments of `TrackedRun.log`.
        options: n_train, and what else `sbp.track` takes; epochs are the trainer's own unless they are among them.
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

    def begin(self, model: nn.Module, optimiser: torch.optim.Optimizer, epochs: int) -> None:
        """Begins the run; epochs: the trainer's."""
        self.run = track(
            model, self.folder, self.example_input, optimiser, **{"epochs": max(1, epochs), **self.options}
        )
