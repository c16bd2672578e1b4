"""Several fresh processes: each builds and times for itself, and how far they are apart is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from sbp.evaluation.latency import Measurement, Row
from sbp.evaluation.processes import Networks, joined, measure_afresh


class Process(nn.Module):
    """Writes down the process that it is asked in."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with open(os.environ["SEEN"], "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        return x


def build() -> Networks:
    """One network of images of another size than digits."""
    return {"dense": Process()}, (3, 4, 4)


def refuse() -> Networks:
    """No network."""
    raise ValueError("There is none.")


def test_every_process_is_a_fresh_one_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("SEEN", str(seen))
    shares: list[float] = []
    found = measure_afresh(
        build, threads=1, processes=2, batches=(1, 2), rounds=2, seconds=0.001, progress=shares.append
    )
    assert (found.processes, found.threads, found.device) == (2, 1, "cpu")
    assert [(row.variant, row.batch) for row in found.rows] == [("dense", 1), ("dense", 2)]
    assert all(row.n >= 4 for row in found.rows), "two rounds in each"
    assert all(row.between_seconds is not None for row in found.rows)
    assert shares == [0.5, 1.0]
    processes = set(map(int, seen.read_text().split()))
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_what_goes_wrong_in_a_process_is_raised_here() -> None:
    with pytest.raises(ValueError, match="There is none"):
        measure_afresh(refuse, processes=1)


def test_two_modes_show_between_the_processes_and_not_within() -> None:
    """As LeNet-5-Caffe had them at batch 1,000: 10.5 or 22.5 ms, each with a small spread."""
    made = [
        Measurement("cpu", "a CPU", 2, {}, 0.0, (Row("compact", 1000, s, 1e-4, 9),)) for s in (0.0105, 0.0225, 0.0107)
    ]
    (row,) = joined(made).rows
    assert (row.median_seconds, row.iqr_seconds, row.n) == (0.0107, 1e-4, 27)
    assert row.between_seconds == pytest.approx(0.012)
