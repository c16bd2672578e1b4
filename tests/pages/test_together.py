"""What all sessions need alike is made once, and never older than is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pages.shared import player, together
from sbp.viz import film
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
    assert len(together._known) <= together.MOST


def test_sessions_on_one_live_run_share_a_film(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed, make = [], film.pack

    def pack(*args: object, **how: object) -> dict[str, object]:
        packed.append(how["stands"])
        return make(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(player.film, "pack", pack)
    monkeypatch.setattr(together, "SECONDS", 60.0)
    writer = write_run(runs_root, "running", epochs_done=5, hold=True)
    try:
        films = [played(healthy(opened("train", run=writer.id)))["film"] for _ in range(3)]
        elsewhere = played(healthy(opened("train", run=writer.id, epoch="2")))["film"]
    finally:
        writer.close()
    assert packed == [None, 2.0]
    assert films[0] == films[1] == films[2] == elsewhere
    assert films[0]["epochs"] == list(range(6))
