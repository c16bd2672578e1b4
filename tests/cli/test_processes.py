"""The command line in processes of its own: two real trainings, and what ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sbp.cli.follow import follow
from sbp.runs import store
from sbp.runs.states import State
from tests.cli.shell import REPOSITORY, TINY, sbp
from tests.made_up import write_run
from tests.runs.made import REQUIRED


def start_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sbp", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    )


def test_train_json_ends_with_the_run_as_its_last_line() -> None:
    with start_process("train", "lenet-500-300", *TINY, "--epochs", "2", "--json") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    run: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert set(REQUIRED) <= set(run)
    assert (run["state"], run["dataset"], run["epochs"], run["device"]) == ("finished", "digits", 2, "cpu")
    assert len(run["kept"]) == 3
    assert 0 <= run["test_error_percent"] <= 100
    assert run["seconds"] > 0
    assert "sbp epoch 2" in err
    assert json.loads(sbp("show", "latest", "--json").stdout) == run


@pytest.mark.parametrize("ask", [lambda pid: os.killpg(pid, signal.SIGINT), lambda pid: os.kill(pid, signal.SIGTERM)])
def test_ctrl_c_and_sigterm_stop_the_run_with_a_checkpoint_and_say_how_to_resume(ask: Callable[[int], None]) -> None:
    with start_process("train", *TINY, "--epochs", "100000") as process:
        end = time.monotonic() + 90
        while time.monotonic() < end and process.poll() is None:
            views = store.list_runs(recorded=False)
            if views and len(views[0].records()) > 1:
                break
            time.sleep(0.05)
        ask(process.pid)
        out, err = process.communicate(timeout=60)
    (view,) = store.list_runs(recorded=False)
    assert process.returncode == 130, err
    assert view.state is State.STOPPED
    assert view.has("checkpoint.safetensors")
    assert "stopped" in out
    assert f"python -m sbp resume {view.id}" in err
    assert "Traceback" not in err


def test_a_ctrl_c_in_a_callback_of_the_interpreter_is_not_lost(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception raised there would only be printed; such callbacks run while modules are imported."""
    writer = write_run(runs_root, state=State.RUNNING, epochs_done=4, hold=True)
    seen: list[bool] = []

    class Thing:
        pass

    def sleep(_: float) -> None:
        seen.append((writer.path / "stop").exists())
        if len(seen) == 1:
            thing = Thing()
            callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del thing
            assert callback() is None
        else:
            writer.write_status(State.STOPPED)
            writer.close()

    monkeypatch.setattr("sbp.cli.follow.time.sleep", sleep)
    before = signal.getsignal(signal.SIGINT)
    view, asked = follow(writer.id, runs_root)
    assert (view.state, asked, seen) == (State.STOPPED, True, [False, True])
    assert signal.getsignal(signal.SIGINT) is before
