"""docs/choosing.md says what the recorded tables hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sbp.experiments.results import Row, recorded

TEXT = (Path(__file__).parents[2] / "docs" / "choosing.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\|[^|]*\| ([\d., ]+) \| ([\d.]+) % ± ([\d.]+) \| ([\d.]+)x fewer \|$", TEXT, re.MULTILINE)


def row_of(weights: tuple[float, ...]) -> Row:
    found = recorded("table-1").rows
    keys = ("sbp-plain",) if weights == (1.0,) * 4 else ("sbp", "sbp-small", "sbp-frontier-1", "sbp-frontier-2")
    return next(row for row in found if row.key in keys and row.runs[0].kl_weights == weights)


@pytest.mark.parametrize(("weights", "error", "spread", "fewer"), ROWS)
def test_kl_weights(weights: str, error: str, spread: str, fewer: str) -> None:
    row = row_of(tuple(map(float, weights.split(","))))
    assert row.n == 10
    assert (f"{row.mean:.2f}", f"{row.spread:.2f}") == (error, spread)
    assert f"{row.mean_of('macs_reduction'):.1f}" == fewer


def test_every_row_was_read() -> None:
    assert len(ROWS) == 9


def test_intervals() -> None:
    for row in recorded("interval").rows:
        low = row.runs[0].config["log_low"]
        (line,) = re.findall(rf"^\| −{-low:g}, 0 \|.*$", TEXT, re.MULTILINE)
        assert f"{row.mean:.2f} %" in line
        assert f"{row.mean_of('macs_reduction'):.1f}x" in line
        assert line.endswith(f"| {row.n} |")


def test_the_warm_up_and_what_it_avoids() -> None:
    without, warmed, pretrained = recorded("kl-warmup").rows
    lines = re.findall(r"^\| (?:in full|0 in).*$", TEXT, re.MULTILINE)
    for row, line in zip((without, warmed, pretrained), lines, strict=True):
        assert f"| {row.mean:.2f} % |" in line
        assert line.endswith(f"| {row.n} |")
    assert all(sum(run.kept) == 0 for run in without.runs)
    for row, line in zip((warmed, pretrained), lines[1:], strict=True):
        assert f"| {row.mean_of('macs_reduction'):.1f}x fewer |" in line
