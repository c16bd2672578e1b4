"""Memory that this process has freed: kept for the next tensor, or handed back to the system. No torch."""

from __future__ import annotations

import ctypes

# glibc's malloc.h: its parameters of these names, and the largest value that they take.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MOST = -1, -3, 2**31 - 1


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
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return False
    # One alone makes it worse: the other is then no longer moved by what is freed.
    trim, mmap = (mallopt(name, _MOST) for name in (_TRIM_THRESHOLD, _MMAP_THRESHOLD))
    return bool(trim and mmap)
