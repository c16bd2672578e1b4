"""Places for runs that are no folder, and the machines that share one: each is a cache folder of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sbp.runs.remote import pull
from tests.runs.remote.server import Server

Machine = Callable[[str], None]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("s3"))
    yield found
    found.close()


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    place = uuid.uuid4().hex
    if request.param == "s3":
        for name, value in request.getfixturevalue("server").environment.items():
            monkeypatch.setenv(name, value)
        return f"s3://bucket/{place}"
    return f"memory://{place}" if request.param == "memory" else f"file://{tmp_path / 'bucket'}"


@pytest.fixture
def machine(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Goes over to the machine of this name: what is done next is done there. Each look is new, and waited for."""
    monkeypatch.setenv("SBP_RUNS", url)
    monkeypatch.setattr(pull, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(pull, "LIST_SECONDS", 0.0)
    monkeypatch.setattr(pull, "SLOW_SECONDS", 60.0)

    def go(name: str) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    go("one")
    return go
