"""Fixtures of the pages' tests: recordings that are made up, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import launcher, store
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from tests.made_up import write_run


@pytest.fixture(autouse=True)
def no_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place for recordings, so that what ships with the code decides no test."""
    place = tmp_path / "recorded"
    place.mkdir()
    monkeypatch.setattr(store, "recorded_root", lambda: place)
    return place


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """A finished run in a place of its own. Pages keep what they made of it from test to test, as from user to user."""
    return write_run(tmp_path_factory.mktemp("recording"), seed=9)


@pytest.fixture
def recorded(recording: RunView, no_recordings: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only recording: one finished run; its id."""
    monkeypatch.setattr(store, "recorded_root", lambda: recording.folder.parent)
    return recording.id


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """The configs that the page asked the launcher to start; no worker runs."""
    asked: list[RunConfig] = []

    def start(config: RunConfig, root: Path | None = None) -> str:
        asked.append(config)
        folder = store.create(config, root)
        folder.close()
        return folder.id

    monkeypatch.setattr(launcher, "start", start)
    return asked
