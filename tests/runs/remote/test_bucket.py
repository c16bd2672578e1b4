"""A bucket that cannot be used is named where runs are listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import remote, store
from tests.runs.remote.server import Server


def test_a_bucket_that_does_not_exist_is_named(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**server.environment, "SBP_RUNS": "s3://nowhere/runs", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    assert store.list_runs(recorded=False) == []
    assert "s3://nowhere/runs" in remote.trouble()
    assert "does not exist" in remote.trouble()
