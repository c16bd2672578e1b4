"""How often the tests of faults try: a few seconds in CI, the counts of docs/reliability.md by `make torture`."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LONG = bool(os.environ.get("SBP_TORTURE"))
MOST_BYTES = 2**30


def times(short: int, long: int) -> int:
    """How often something is tried."""
    return long if LONG else short


@contextmanager
def bounded(seconds: int) -> Iterator[None]:
    """Ends what hangs as a failure; and this process may have grown by at most 1 GB."""

    def late(*_: object) -> None:
        raise AssertionError("It hangs.")

    before, size = signal.signal(signal.SIGALRM, late), peak()
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert peak() - size < MOST_BYTES


def peak() -> int:
    """The largest this process has been, in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def sentence(text: str) -> bool:
    """Whether a message is one sentence or a few, on one line, without a traceback."""
    return 10 < len(text) < 2000 and "Traceback" not in text and "\n" not in text.strip()
