"""SIGTERM and SIGINT: requests to stop, which a worker, a pack or a rank hears at its next step."""

from __future__ import annotations

import signal
from typing import Any

from sbp.runs.launcher import HELD_SIGNALS
from sbp.runs.states import State


def run_with_signals(trainer: Any) -> list[State]:
    """What a worker or a pack ends with, SIGTERM and SIGINT being requests to stop."""

    def remember(*_: object) -> None:
        trainer.signalled = True

    signal.signal(signal.SIGTERM, remember)
    signal.signal(signal.SIGINT, remember)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD_SIGNALS)  # those that came before are heard now
    ended = trainer.run()
    return [ended] if isinstance(ended, State) else list(ended)
