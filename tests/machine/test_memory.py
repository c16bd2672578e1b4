"""What a process does with the memory that it has freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import numpy as np
from sbp.machine.memory import keep_freed_memory
kept = sys.argv[1] == "keep" and keep_freed_memory()
def step():
    np.ones(12_000_000, np.float32) + np.ones(12_000_000, np.float32)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

HELD = """
import resource, sys
from pathlib import Path
from sbp.machine.memory import hand_back_freed_memory
back = sys.argv[1] == "back" and hand_back_freed_memory()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
before, small, sizes = resident(), [], (1_000_000, 1_000)
for _ in range(2):  # by what is freed first, glibc learns to keep such pieces
    pieces = [tuple(b"x" * size for size in sizes) for _ in range(100)]
    small += [short for _, short in pieces]  # stays, and lies between them
    del pieces
print(int(back), resident() - before)
"""


def told(script: str, how: str) -> tuple[int, int]:
    """The two numbers that a script prints: whether the settings were taken, and what it counted."""
    done = subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True)
    taken, count = map(int, done.stdout.split())
    return taken, count


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has these settings.")
@pytest.mark.parametrize(("script", "how", "most", "least"), [(FAULTS, "keep", 0.1, 0), (HELD, "back", 0.1, 5e7)])
def test_what_is_freed_is_kept_or_handed_back(script: str, how: str, most: float, least: float) -> None:
    taken, count = told(script, how)
    if not taken:
        pytest.skip("This C library does not have them.")
    as_it_is = told(script, "as it is")[1]
    assert as_it_is > least
    assert count < most * as_it_is
