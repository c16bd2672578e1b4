"""How long a training took, over all the times it was resumed, and how often it looks up from its steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sbp.machine.distributed import Ranks


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


class Pace:
    """After which steps a training looks up, about every so many seconds: after the same ones on every rank.

    Clocks differ, so ranks go by numbers of steps: rank 0 measures how many fit, and the others do what it says. That
    they say something this often also shows at once when one has ended.

    >>> pace = Pace(Ranks(), every=0.0)
    >>> pace.due()
    True
    """

    def __init__(self, ranks: Ranks, every: float) -> None:
        self.ranks, self.every = ranks, every
        self.last, self.steps, self.left = time.perf_counter(), 1, 1

    def due(self) -> bool:
        """Whether now; to be asked after a step."""
        now = time.perf_counter()
        if self.ranks.world == 1:
            return now - self.last > self.every
        self.left -= 1
        if self.left:
            return False
        # A GPU's steps have only been begun by now, and what it owes is waited for while looking up: so the time is
        # taken from one look to the next, and the number grows slowly.
        fit = int(self.every * self.steps / max(now - self.last, 1e-9))
        said = self.ranks.broadcast_bytes(str(max(1, min(fit, 2 * self.steps))).encode())
        self.steps = self.left = int(said)
        self.last = now
        return True

    def go_on(self) -> None:
        """After a look: what it took is not counted by a process alone."""
        if self.ranks.world == 1:
            self.last = time.perf_counter()
