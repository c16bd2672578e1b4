"""What all sessions need alike is made once, and never older than is said."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pages.shared import run_picker, together
from sbp.runs.view import RunView
from sbp.viz import film, twins
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played

ASKING = 8


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts time forward by hand."""
    now = [100.0]
    monkeypatch.setattr(together.time, "monotonic", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def test_one_makes_it_and_all_who_ask_meanwhile_take_it() -> None:
    made, all_here = [], threading.Barrier(ASKING)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    def ask(_: int) -> int:
        all_here.wait()
        return together.together("asked by all", make)

    with ThreadPoolExecutor(ASKING) as pool:
        assert list(pool.map(ask, range(ASKING))) == [1] * ASKING


def test_it_is_made_again_after_a_while(clock: Callable[[float], None]) -> None:
    made = iter(range(9))
    got = []
    for seconds in (0, together.SECONDS * 0.9, together.SECONDS * 0.2):
        clock(seconds)
        got.append(together.together("made again", lambda: next(made)))
    assert got == [0, 0, 1]


def test_what_takes_long_serves_as_long(clock: Callable[[float], None]) -> None:
    made = iter(range(9))

    def slow() -> int:
        clock(4 * together.SECONDS)
        return next(made)

    got = [together.together("slow", slow)]
    for seconds in (3.9, 0.2):
        clock(seconds * together.SECONDS)
        got.append(together.together("slow", slow))
    assert got == [0, 0, 1]


def test_who_fails_leaves_it_to_the_next() -> None:
    with pytest.raises(ZeroDivisionError):
        together.together("fails", lambda: 1 // 0)
    assert together.together("fails", lambda: 2) == 2


def test_it_is_bounded() -> None:
    for number in range(together.MOST + 5):
        together.together(("bounded", number), lambda: 0)
    assert together._made.cache_info().currsize <= together.MOST


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is packed from now on, of which nothing grows old: modules of `sbp.viz`."""
    made: list[str] = []

    def counted(module: ModuleType, make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def pack(*args: Any, **how: Any) -> dict[str, Any]:
            made.append(module.__name__.rpartition(".")[2])
            return make(*args, **how)

        return pack

    for module in (film, twins):
        monkeypatch.setattr(module, "pack", counted(module, module.pack))
    monkeypatch.setattr(together, "SECONDS", 60.0)
    return made


def test_sessions_on_one_live_run_share_a_film(runs_root: Path, packed: list[str]) -> None:
    writer = write_run(runs_root, "running", epochs_done=5, hold=True)
    try:
        films = []
        for _ in range(3):
            films.append(played(healthy(opened("train", run=writer.id)))["film"])
            os.utime(writer.path / "records.jsonl")  # it has been written to
        assert packed == ["film"]
        elsewhere = played(healthy(opened("train", run=writer.id, epoch="2")))["film"]
    finally:
        writer.close()
    assert packed == ["film", "film"]  # one that stands at an epoch keeps this among its frames
    assert films[0] == films[1] == films[2] == elsewhere
    assert films[0]["epochs"] == list(range(6))


def test_sessions_on_live_twins_share_a_film(runs_root: Path, packed: list[str]) -> None:
    write_run(runs_root, random_labels=True, preset="memorise")
    writer = write_run(runs_root, "running", epochs_done=3, hold=True, random_labels=True, preset="collapse")
    try:
        first = played(healthy(opened("random_labels")), "twins-player")["film"]
        os.utime(writer.path / "records.jsonl")
        second = played(healthy(opened("random_labels")), "twins-player")["film"]
    finally:
        writer.close()
    assert packed == ["twins", "film"]  # that of the pair is made of that of its first run
    assert first == second


def test_the_list_of_runs_is_shared_and_never_lacks_the_run_shown(
    runs_root: Path, packed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, titles = [], run_picker.titles

    def counted(runs: list[RunView]) -> dict[str, str]:
        listed.append([run.id for run in runs])
        return titles(runs)

    monkeypatch.setattr(run_picker, "titles", counted)
    writer = write_run(runs_root, "running", epochs_done=5, hold=True)
    try:
        for _ in range(2):
            healthy(opened("train", run=writer.id))
        assert listed == [[writer.id]]
        later = write_run(runs_root, "running", epochs_done=5, hold=True, seed=5)
        at = healthy(opened("train", run=later.id))
        later.close()
    finally:
        writer.close()
    assert at.selectbox[0].value == later.id
    assert len(at.selectbox[0].options) == 2
