"""What `bench bucket` measures, in memory, and that it leaves nothing there."""

from __future__ import annotations

import json

import fsspec
import pytest

from sbp.benchmarks import buckets
from sbp.spec.networks import description_of
from sbp.spec.run import RunConfig
from tests.cli.test_cli import sbp


def test_a_list_of_many_runs_and_an_epoch_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "NEWEST", 20)
    monkeypatch.setattr(buckets, "CHANGED", 5)
    found = buckets.measure("memory://bench", n=30, epochs=12)
    row = 4 * (1 + 2 * sum(group.units for group in description_of(RunConfig().network).groups))
    assert row < found["folder_bytes"] < 1.2 * row
    assert found["folder_bytes"] < found["writer_bytes"] < 6 * found["folder_bytes"]
    assert 3 <= found["writer_requests"] <= 6
    assert 2 <= found["reader_requests"] <= 4
    assert (found["unchanged_requests"], found["changed_requests"]) == (1, 1 + 5)
    assert fsspec.filesystem("memory").find("/bench") == []


def test_it_needs_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "expected the URL of a bucket" in sbp("bench", "bucket").stderr
    monkeypatch.setenv("SBP_RUNS", "memory://bench")
    told = json.loads(sbp("bench", "bucket", "--n", "5", "--epochs", "2", "--json").stdout)
    assert (told["n"], told["epochs"]) == (5, 2)
