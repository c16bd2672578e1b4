"""How long a training took, over all the times it was resumed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds spent training; `before` are those of earlier times, from the checkpoint.

    >>> Clock(before=60.0).seconds >= 60.0
    True
    """

    before: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """`before` and what has passed since."""
        return self.before + time.perf_counter() - self.started
