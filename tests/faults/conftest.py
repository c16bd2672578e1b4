"""Fixtures of the tests of faults: recordings in a place of their own, so that what ships is never at stake."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import recording, store


@pytest.fixture(autouse=True)
def recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place for recordings, which every reader and writer of them takes for the one beside the code."""
    place = tmp_path / "assets" / "runs"
    place.mkdir(parents=True)
    for module in (store, recording):
        monkeypatch.setattr(module, "recorded_root", lambda: place)
    return place
