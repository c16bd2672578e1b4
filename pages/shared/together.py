"""What every session that watches a live run needs alike: one of them makes it, the others take it."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
SECONDS = 0.5  # half of what pages poll at, so that a session alone gets a new one each time
MOST = 48


@dataclass
class _Made:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    until: float = -1.0


def together(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` gave any session a moment ago: within `SECONDS`, or as long as it took to make if that is longer.

    Who asks while it is made waits for it. The last `MOST` are kept.

    >>> together("a key", lambda: 1), together("a key", lambda: 2)
    (1, 1)
    """
    with _lock:
        made = _made(key)
    with made.lock:
        start = time.monotonic()
        if start > made.until:
            made.value = make()
            end = time.monotonic()
            made.until = end + max(SECONDS, end - start)
        value: T = made.value
        return value


@functools.lru_cache(maxsize=MOST)
def _made(key: Hashable) -> _Made:
    return _Made()


# Two threads that ask for the first time at the same moment would each get one of their own from the cache alone.
_lock = threading.Lock()
