"""The benchmark's figures: medians, spreads and ratios by hand, and a run that says what it measured."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sbp.benchmarks import browser, many_runs, pages
from sbp.benchmarks.synthetic_runs import SyntheticRun, resnet_sized, vgg_sized
from sbp.benchmarks.timing import in_turns, line, report
from sbp.cli import app
from sbp.cli.bench import show
from sbp.runs import store
from sbp.runs.states import State
from sbp.spec import RunConfig


def test_a_line_by_hand() -> None:
    found = line("what", "ms", [4.0, 1.0, 3.0, 2.0, 10.0], "empty", [1.0, 2.0, 9.0])
    assert (found.median, found.spread, found.p95, found.n) == (3.0, 2.0, 10.0, 5)
    assert found.ratio == 1.5
    many = line("what", "ms", [float(x) for x in range(101)], "empty", [1.0])
    assert many.p95 == 95.0


def test_things_take_turns() -> None:
    calls: list[str] = []
    found = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=4)
    assert calls[6:] == ["a", "b"] * 4  # after three untimed calls of each
    assert {name: len(times) for name, times in found.items()} == {"a": 4, "b": 4}


def test_bench_math_prints_every_ratio() -> None:
    result = CliRunner().invoke(app, ["bench", "math", "--rounds", "3", "--threads", "1", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["name"] == "math"
    assert {"torch", "numpy", "python"} == set(found["versions"])
    assert len(found["lines"]) == 13
    for row in found["lines"]:
        assert row["n"] == 3
        assert row["ratio"] == pytest.approx(row["median"] / row["yardstick_median"])


def test_brackets_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    times = [1.0, 1.0]
    show(dataclasses.replace(report("math", (), 1), lines=(line("E[theta]", "ms", times, "randn[128, 2]", times),)))
    printed = capsys.readouterr().out
    assert "E[theta] " in printed
    assert " randn[128, 2]" in printed


def test_bench_pages_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    result = CliRunner().invoke(app, ["bench", "pages"])
    assert result.exit_code == 2
    assert "checkout of the repository" in " ".join(result.output.split())
    assert issubclass(browser.Missing, RuntimeError)


def test_a_made_up_run_reads_like_any_other(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path, RunConfig.flat(dataset="digits", epochs=4))
    run.go_on(3)
    live = store.open_run(run.folder.id, tmp_path)
    assert (live.state, live.alive, len(live.records()), len(live.snapshots())) == (State.RUNNING, True, 2, 3)
    run.go_on(2)
    run.close()
    done = store.open_run(run.folder.id, tmp_path)
    assert (done.state, done.problem) == (State.FINISHED, "")
    last = done.snapshots().log_scale["input"][-1]
    np.testing.assert_allclose(last, run.ends["input"][1], atol=1e-5)
    assert sum(layer.units for layer in SyntheticRun(tmp_path, vgg_sized()).layers) == 5248


def test_a_run_of_a_large_network_of_its_own_is_sound_too(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path, *resnet_sized())
    run.go_on(2)
    run.close()
    view = store.open_run(run.folder.id, tmp_path)
    assert (view.state, view.problem, len(view.records())) == (State.FINISHED, "", 1)
    assert sum(group.units for group in view.layers) == 46_208


def test_bench_runs_makes_runs_that_are_read_as_any_other(tmp_path: Path) -> None:
    many_runs._make(tmp_path, 3)
    views = store.list_runs(False, tmp_path)
    assert len(views) == 3
    assert {(view.state, view.problem, len(view.records())) for view in views} == {(State.FINISHED, "", 5)}


def test_bench_runs_counts_what_the_process_computes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "for _ in range(10**7): pass\ninput()"], stdin=subprocess.PIPE
    ) as busy:
        app = browser.App("", tmp_path, tmp_path, busy, 0.0)
        end = time.monotonic() + 60
        while (spent := app.cpu_seconds()) < 0.1 and time.monotonic() < end:
            time.sleep(0.05)
    assert spent >= 0.1
