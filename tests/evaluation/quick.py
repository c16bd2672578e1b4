"""What `measure_afresh` gives, in a moment: two measurements in the process of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sbp.evaluation.latency import Measurement, measure
from sbp.evaluation.processes import Networks, joined


def measured_here(build: Callable[[], Networks], device: str = "cpu", threads: int = 0, **_: Any) -> Measurement:
    """Two turns of a millisecond, twice."""
    networks, image = build()
    return joined([measure(networks, device, threads, image=image, rounds=2, seconds=0.001) for _ in range(2)])
