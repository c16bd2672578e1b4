"""Memory that this process has freed: kept for the next tensor, or handed back to the system. No torch."""

from __future__ import annotations

import ctypes

# glibc's malloc.h: its parameters of these names, and the largest value that they take.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX, _MOST = -1, -3, -8, 2**31 - 1
_LARGE = 2**17  # bytes: what glibc begins with, and raises with each larger piece that is freed


def keep_freed_memory() -> bool:
    """Has the C library keep freed memory for the next tensor.

    Unasked, glibc gives large tensors back to the system as they are freed, and each step pays for having their pages
    mapped in again: a convolution on a CPU then has two speeds, by what was allocated before it (docs/performance.md).
    The most memory that a process holds does not change.

    Returns:
        Whether the C library took both settings; only glibc has them.

    >>> import sys
    >>> keep_freed_memory() or sys.platform != "linux"
    True
    """
    # One alone makes it worse: the other is then no longer moved by what is freed.
    return _set({_TRIM_THRESHOLD: _MOST, _MMAP_THRESHOLD: _MOST})


def hand_back_freed_memory() -> bool:
    """Has the C library hand large pieces of memory back to the system as they are freed, for a server of many threads.

    Unasked, glibc gives threads up to eight heaps per core and soon keeps pieces of megabytes in them: what fifty
    sessions were sent, long freed, then held more memory than all that was in use (docs/reliability.md).

    Returns:
        Whether the C library took both settings; only glibc has them.

    >>> import sys
    >>> hand_back_freed_memory() or sys.platform != "linux"
    True
    """
    return _set({_ARENA_MAX: 2, _MMAP_THRESHOLD: _LARGE})


def _set(parameters: dict[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    taken = [mallopt(name, value) for name, value in parameters.items()]
    return all(taken)
