"""Fixtures of the pages' tests: recordings that are made up, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import store
from tests.made_up import write_run


@pytest.fixture(autouse=True)
def no_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place for recordings, so that what ships with the code decides no test."""
    place = tmp_path / "recorded"
    place.mkdir()
    monkeypatch.setattr(store, "recorded_root", lambda: place)
    return place


@pytest.fixture
def recorded(no_recordings: Path) -> str:
    """One finished run among the recordings; its id."""
    return str(write_run(no_recordings, seed=9).id)
