"""A run trained by two processes from the command line: its end, its stop and resume, and the death of one of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sbp.runs import store
from sbp.runs.states import State
from sbp.runs.view import RunView
from tests.cli.shell import TINY
from tests.machine.two_ranks import start_ranks

TRAIN = ("train", "lenet-500-300", "--preset", "custom", *TINY)
PATIENCE = 120.0
Ranks = list["subprocess.Popen[str]"]


def ended(ranks: Ranks) -> tuple[list[int], list[str]]:
    """Exit codes and what was printed to stderr, once all have ended."""
    errors = [process.communicate(timeout=PATIENCE)[1] for process in ranks]
    return [process.returncode for process in ranks], errors


def trained_for(epochs: int, ranks: Ranks) -> RunView:
    """The only run, once it has so many records."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and all(process.poll() is None for process in ranks):
        if (runs := store.list_runs(recorded=False)) and len(runs[0].records()) >= epochs:
            return runs[0]
        time.sleep(0.02)
    pytest.fail(f"No {epochs} records: {ended(ranks)}")


@pytest.fixture
def tidy() -> Iterator[Ranks]:
    """Processes that do not outlive the test."""
    started: Ranks = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_torchrun_trains_one_run_to_its_end(runs_root: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "sbp"]
    done = subprocess.run(
        [*command, *TRAIN, "--epochs", "3", "--json"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    (view,) = store.list_runs(recorded=False)
    printed = json.loads(line)
    assert (printed["id"], view.state) == (view.id, State.FINISHED)
    assert printed["hardware"].startswith("2 x ")
    assert [record.epoch for record in view.records()] == [1, 2, 3]
    assert view.snapshots().epochs.tolist() == [0, 1, 2, 3]
    assert view.has("sweep.json")
    assert not view.has("checkpoint.safetensors")
    assert sorted(path.name for path in runs_root.iterdir() if not path.name.startswith(".")) == [view.id]
    assert f"Run {view.id}: lenet-500-300 on digits, preset custom, by 2 processes." in done.stderr
    assert done.stderr.count("sbp epoch 3:") == 1, "rank 0 alone says how it goes"


def test_a_run_of_two_is_stopped_resumed_and_survives_the_death_of_one(tidy: Ranks) -> None:
    """Rank 1 is asked to stop, and both do; later it is terminated, and rank 0 ends with a sentence."""
    tidy += start_ranks("sbp", *TRAIN, "--epochs", "400")
    view = trained_for(2, tidy)
    tidy[1].send_signal(signal.SIGTERM)
    codes, errors = ended(tidy)
    assert codes == [0, 0], errors
    view = store.open_run(view.id)
    assert (view.state, view.message) == (State.STOPPED, "Stopped; it can be resumed from its checkpoint.")
    stopped = len(view.records())
    assert 2 <= stopped < 400

    again = start_ranks("sbp", "resume", view.id)
    tidy += again
    trained_for(stopped + 2, again)
    again[1].kill()
    codes, errors = ended(again)
    assert codes == [1, -signal.SIGKILL], errors
    view = store.open_run(view.id)
    assert view.state is State.FAILED
    assert view.message.startswith("Another of the 2 processes that train together ended")
    assert view.resumable
    assert [record.epoch for record in view.records()] == list(range(1, len(view.records()) + 1))


def test_a_recipe_that_cannot_be_shared_is_refused_before_there_is_a_run(runs_root: Path, tidy: Ranks) -> None:
    odd = [word if word != "100" else "99" for word in TRAIN]
    tidy += start_ranks("sbp", *odd)
    codes, errors = ended(tidy)
    assert codes == [2, 2]
    assert "batch_size: expected a multiple of 2" in errors[0]
    assert not runs_root.exists()


def test_other_verbs_are_refused_under_torchrun(tidy: Ranks) -> None:
    tidy += start_ranks("sbp", "reproduce", "table-1")
    codes, errors = ended(tidy)
    assert codes == [2, 2]
    assert errors == ["Error: reproduce runs in one process; torchrun is for train and resume.\n", ""]
