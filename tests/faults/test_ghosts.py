"""No worker trains on unseen: one whose folder was deleted ends, and one that has only begun can be stopped."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sbp.runs import device_queue, launcher, store
from sbp.runs.states import State
from sbp.worker.pack import Pack
from sbp.worker.worker import Worker
from tests.faults.test_power_cut import scripted  # noqa: F401
from tests.runs.made import TINY
from tests.runs.test_launcher import PATIENCE, no_worker_is_left, over, training, wait  # noqa: F401


def take_lock(path: Path) -> None:
    """Puts another file in place of the lock, which another writer could lock."""
    (path / "lock").unlink()
    (path / "lock").touch()


def half(path: Path) -> None:
    """What is left when a worker writes its status while its folder is being deleted."""
    for name in ("lock", "config.json", "records.jsonl"):
        (path / name).unlink(missing_ok=True)


def sizes(root: Path) -> list[tuple[Path, int]]:
    """Every file but the reserve, which a worker takes away again."""
    return sorted((path, path.stat().st_size) for path in root.rglob("*") if path.is_file() and path.name != ".reserve")


@pytest.mark.parametrize("delete", [shutil.rmtree, half, take_lock, lambda path: path.rename(f"{path}-elsewhere")])
def test_a_worker_whose_folder_was_deleted_ends_and_writes_nothing(
    scripted: Callable[..., None],  # noqa: F811
    delete: Callable[[Path], None],
    runs_root: Path,
) -> None:
    begun: list[int] = []
    left: list[tuple[Path, int]] = []

    def script(epoch: int) -> None:
        begun.append(epoch)
        if epoch == 2:
            delete(folder.path)
            left.extend(sizes(runs_root))

    scripted(script)
    folder = store.create(TINY)
    assert Worker(folder).run() is State.LOST
    folder.close()
    assert begun == [1, 2]
    assert sizes(runs_root) == left


def test_one_that_waits_in_a_pack_ends_too(scripted: Callable[..., None]) -> None:  # noqa: F811
    first, second = store.create(TINY), store.create(TINY.replace(seed=1))
    scripted(lambda epoch: shutil.rmtree(second.path, ignore_errors=True))
    assert Pack([first, second], together=1).run() == [State.FINISHED, State.LOST]
    assert not second.path.exists()


def test_one_that_waits_for_its_device_ends_too(scripted: Callable[..., None], runs_root: Path) -> None:  # noqa: F811
    folder = store.create(TINY)
    (taken,) = device_queue.slot_paths(runs_root, "cpu")
    lock = device_queue.Lock(taken)
    half(folder.path)
    assert Worker(folder).run() is State.LOST
    lock.release()
    folder.close()


def test_a_process_ends_when_all_runs_are_deleted(runs_root: Path) -> None:
    run = launcher.start(TINY.replace(epochs=100_000))
    wait(run, training)
    runs_root.rename(runs_root.with_name("deleted"))
    assert launcher._children[-1].wait(timeout=PATIENCE) == 1


@pytest.mark.parametrize(
    ("seconds", "number"), [(0.0, signal.SIGTERM), (0.0, signal.SIGINT), (0.02, signal.SIGTERM), (0.3, signal.SIGINT)]
)
def test_a_signal_is_heeded_from_the_first_moment(seconds: float, number: signal.Signals) -> None:
    run = launcher.start(TINY.replace(epochs=100_000))
    time.sleep(seconds)
    os.kill(launcher._children[-1].pid, number)
    view = wait(run, over)
    assert view.state is State.STOPPED, view.log_tail()
    assert view.resumable


def test_what_the_launcher_holds_back_it_hears_again() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with launcher._signals_held():
        assert set(launcher.HELD_SIGNALS) <= signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_stop_reaches_a_run_whose_other_files_are_gone() -> None:
    with store.create(TINY) as folder:
        folder.write_status("running")
        for name in ("meta.json", "status.json"):
            (folder.path / name).unlink()
        launcher.stop(folder.id)
        assert folder.stop_requested
