"""A training beside another job: it goes after the pages' server, and goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# A session of its own on one core, busy until three seconds have passed; prints the seconds that it was given.
BUSY = """
import os, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
if sys.argv[1] == "worker":
    from sbp.worker.priority import lower_priority
    lower_priority()
print("ready", flush=True)
input()
ended = time.monotonic() + 3
before = time.process_time()
while time.monotonic() < ended:
    pass
print(time.process_time() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the system has no autogroups")
def test_beside_another_job_a_training_has_at_least_a_third_of_a_core() -> None:
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", BUSY, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for name in ("worker", "other")
    ]
    for job in jobs:
        assert job.stdout is not None
        assert job.stdout.readline() == "ready\n"
    for job in jobs:
        assert job.stdin is not None
        job.stdin.write("go\n")
        job.stdin.flush()
    worker, other = (float(job.communicate()[0]) for job in jobs)
    assert 1 / 3 < worker / (worker + other) < 0.47
