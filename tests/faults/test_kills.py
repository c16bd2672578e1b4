"""A worker killed with -9 at any write, or at any moment: the run resumes and ends bit by bit as if it had not been."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from sbp.runs import store
from sbp.runs.states import State
from tests.faults import killed
from tests.faults.torture import times
from tests.runs.made import TINY
from tests.worker.done import without_time

# All three phases, in few steps.
CONFIG = TINY.replace(epochs=2, pretrain_epochs=1, finetune_epochs=1, batch_size=15)
SAME = ("noise.f32", "steps.jsonl", "steps.f32")
KILLS = times(3, 50)  # for each seed


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    """Starts processes in which torch is imported already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*killed.IMPORTED])
    return context


class Trial:
    """A run that is trained in processes of its own."""

    def __init__(self, processes: multiprocessing.context.ForkServerContext, place: Path) -> None:
        self.processes, self.count = processes, place / "count"
        with store.create(CONFIG) as folder:
            self.id, self.folder = folder.id, folder.path

    def go(self, at: int = 0, torn: bool = False, seconds: float | None = None) -> bool:
        """Trains or resumes it; gives whether the process was killed."""
        process = self.processes.Process(target=killed.train, args=(str(self.folder), at, torn, str(self.count)))
        process.start()
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        process.join()
        assert process.exitcode in (0, -9)
        return process.exitcode == -9

    @property
    def view(self) -> store.RunView:
        return store.open_run(self.id)


@pytest.mark.parametrize("seed", range(times(1, 4)))
def test_a_killed_run_ends_as_one_that_was_not(
    seed: int, processes: multiprocessing.context.ForkServerContext, tmp_path: Path
) -> None:
    whole = Trial(processes, tmp_path)
    began = time.monotonic()
    whole.go()
    lasts, calls = time.monotonic() - began, int(whole.count.read_text())
    assert whole.view.state is State.FINISHED
    chance, kills, runs = random.Random(seed), 0, 0
    while kills < KILLS:
        trial = Trial(processes, tmp_path)
        for kill in range(4):  # of one run, then it is left alone
            at_write = chance.random() < 0.75
            dead = trial.go(
                chance.randint(1, calls) if at_write else 0,
                chance.random() < 0.5,
                None if at_write else chance.uniform(0, lasts),
            )
            view = trial.view
            assert view.problem == "", (kill, view.problem)
            kills += dead
            if not dead or view.state is State.FINISHED:
                break
            assert view.state is State.LOST
            assert view.resumable
        if trial.view.state is not State.FINISHED:
            trial.go()
        runs += 1
        same(trial.view, whole.view)
    print(f"{kills} kills of {runs} runs, all as if they had not been")


def same(view: store.RunView, whole: store.RunView) -> None:
    assert view.state is State.FINISHED, view.message
    assert without_time(view.records()) == without_time(whole.records())
    for name in SAME:
        assert (view.folder / name).read_bytes() == (whole.folder / name).read_bytes(), name
    # The header of a safetensors file names its tensors in any order.
    ours, theirs = (load_file(one.folder / "model.safetensors") for one in (view, whole))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in theirs)
    assert view.result is not None
    assert whole.result is not None
    for name in ("test_error_percent", "kept", "macs"):
        assert view.result[name] == whole.result[name]
