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


@pytest.mark.skipif(sys.platform != "linux", reason="glibc alone has these settings.")
def test_what_is_freed_is_not_faulted_in_again() -> None:
    def faults(how: str) -> tuple[int, int]:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        kept, count = map(int, done.stdout.split())
        return kept, count

    kept, count = faults("keep")
    if not kept:
        pytest.skip("This C library does not have them.")
    assert count < faults("as it is")[1] / 10
