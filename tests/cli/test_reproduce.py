"""python -m sbp reproduce, with real workers on an experiment of two tiny runs."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sbp.cli import app, wait
from sbp.experiments import results
from sbp.experiments.planned import Plan, PlannedRow
from sbp.experiments.plans import PLANS
from sbp.experiments.running import Job
from sbp.runs import launcher, store
from sbp.runs.states import State
from tests.runs.made import SHIPPED
from tests.runs.test_launcher import no_worker_is_left  # noqa: F401

RECIPE = SHIPPED.replace(epochs=3, validation_size=0)
ROWS = (
    PlannedRow("sbp", "SBP", RECIPE.replace(preset="table-1-sbp"), "SBP"),
    PlannedRow("original", "Original", RECIPE.replace(method="original", preset="table-1-original"), "original"),
)


def reproduce(*words: str) -> Result:
    return CliRunner().invoke(app, ["reproduce", *words])


def settle_in(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Table 1 with two rows, and a place of its own for what is recorded."""
    monkeypatch.setitem(PLANS, "table-1", Plan("table-1", "A table", ROWS, seeds=1))
    monkeypatch.setattr(store, "recorded_root", lambda: root / "assets" / "runs")
    monkeypatch.setattr(results, "results_root", lambda: root / "assets" / "results")
    monkeypatch.setattr(wait, "POLL_SECONDS", 0.05)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settle_in(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Where the whole table was trained and recorded, once for all tests, and what was said."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        settle_in(patch, root)
        patch.setenv("SBP_RUNS", str(root / "runs"))
        done = reproduce("table-1", "--device", "cpu", "--no-speed", "--out", str(root / "out"), "--record")
    assert done.exit_code == 0, done.output
    return root, done


@pytest.fixture
def first(trained: tuple[Path, Result], tmp_path: Path) -> Result:
    """The trained table in this test's own place; what was said when it was made."""
    root, done = trained
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    return done


def test_nothing_is_run_to_say_what_is_missing() -> None:
    said = reproduce("table-1", "--dry-run").stdout
    assert said.count("to be run") == 2
    assert store.list_runs(recorded=False) == []


def test_what_is_missing_is_run_once_and_the_table_can_be_read_back(first: Result, tmp_path: Path) -> None:
    assert "Started 2 of 2 runs" in first.stderr
    made = store.list_runs(recorded=False)
    assert {view.state for view in made} == {State.FINISHED}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"table-1.csv", "table-1.md", "table-1.json"}
    table = results.Table.from_json((tmp_path / "out" / "table-1.json").read_text())
    by_id = {view.id: view for view in made}
    for row in table.rows:
        (run,) = row.runs
        assert run.test_error_percent == by_id[run.run].summary()["test_error_percent"]
        assert run.pack_runs == 2
        assert f"{run.test_error_percent:.2f}" in first.stdout

    again = reproduce("table-1", "--device", "cpu", "--no-speed", "--json")
    assert again.exit_code == 0
    assert "Started" not in again.stderr
    assert len(store.list_runs(recorded=False)) == 2, "nothing is run twice"
    assert results.Table.from_json(again.stdout) == table

    for view in store.list_runs(recorded=False):
        store.delete(view.id)
    kept = reproduce("table-1", "--from-recordings", "--only", "sbp")
    assert kept.exit_code == 0
    assert f"{table.row('lenet-500-300', 'sbp').mean:.2f}" in kept.stdout
    assert "Original" not in kept.stdout


@pytest.mark.usefixtures("first")
def test_the_table_of_what_is_there_runs_nothing() -> None:
    for view in store.list_runs(recorded=False):
        if view.config.has_noise:
            store.delete(view.id)
    there = len(store.list_runs(recorded=False))
    said = reproduce("table-1", "--no-run", "--no-speed")
    assert said.exit_code == 0, said.output
    assert "Started" not in said.stderr
    assert len(store.list_runs(recorded=False)) == there == 1


def test_a_run_that_was_cut_goes_on_and_another_seed_is_added(tmp_path: Path) -> None:
    with store.create(ROWS[0].recipe.replace(device="cpu")) as folder:
        (folder.path / "stop").touch()
        folder.write_status("stopped")
    done = reproduce("table-1", "--device", "cpu", "--no-speed", "--only", "sbp", "--seeds", "2", "--json")
    assert done.exit_code == 0, done.output
    views = store.list_runs(recorded=False)
    assert sorted(view.config.seed for view in views) == [0, 1]
    assert folder.id in {view.id for view in views}
    row = results.Table.from_json(done.stdout).row("lenet-500-300", "sbp")
    assert row.n == 2
    errors = [run.test_error_percent for run in row.runs]
    assert row.spread == pytest.approx(abs(errors[0] - errors[1]) / 2**0.5)


@pytest.mark.slow  # four trainings
def test_later_seeds_are_added_and_others_check_them(tmp_path: Path) -> None:
    words = ("table-1", "--device", "cpu", "--no-speed", "--only", "sbp", "--record")
    for more in ((), ("--first-seed", "1", "--seeds", "2"), ("--first-seed", "100", "--check")):
        done = reproduce(*words, *more)
        assert done.exit_code == 0, done.output
    (row,) = results.recorded("table-1").rows
    assert [run.seed for run in row.runs] == [0, 1, 2]
    kept = reproduce("table-1", "--from-recordings", "--out", str(tmp_path / "out"))
    assert kept.exit_code == 0, kept.output
    for said in (kept.stdout, (tmp_path / "out" / "table-1.md").read_text()):
        assert "Seeds: n = 3: 0 to 2." in said
        assert "Run again on seed 100, within the 95 % prediction interval for one run:" in said
    alone = reproduce("table-1", "--check")
    assert alone.exit_code == 2
    assert "--check: expected --record beside it" in " ".join(alone.stderr.split())


def test_ctrl_c_stops_every_run_and_the_same_command_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    long = Plan("table-1", "A table", (PlannedRow("sbp", "SBP", RECIPE.replace(epochs=100_000)),), seeds=1)
    monkeypatch.setitem(PLANS, "table-1", long)
    real = wait.refresh

    def look(jobs: list[Job], ids: dict[str, str], root: Path | None = None) -> list[Job]:
        seen = real(jobs, ids, root)
        if any(job.view and len(job.view.records()) > 2 for job in seen) and not pressed:
            pressed.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return seen

    pressed: list[bool] = []
    monkeypatch.setattr(wait, "refresh", look)
    done = reproduce("table-1", "--device", "cpu", "--no-speed")
    assert done.exit_code == 130, done.output
    (view,) = store.list_runs(recorded=False)
    assert view.state is State.STOPPED
    assert view.has("checkpoint.safetensors")
    assert "The same command continues from the checkpoints." in done.stderr
    assert f"stopped, to be resumed ({view.id})" in reproduce("table-1", "--dry-run").stdout


def test_a_run_that_diverged_is_named_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    wild = Plan("table-1", "A table", (PlannedRow("sbp", "SBP", RECIPE.replace(lr=1e30)),), seeds=1)
    monkeypatch.setitem(PLANS, "table-1", wild)
    for _ in range(2):
        done = reproduce("table-1", "--device", "cpu", "--no-speed")
        assert done.exit_code == 1
        assert "Not finished: lenet-500-300 sbp seed 0, diverged" in done.stderr
    assert len(store.list_runs(recorded=False)) == 1


@pytest.mark.usefixtures("first")
def test_speed_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from sbp.benchmarks import table_latency as timing
    from tests.evaluation.quick import measured_here

    calls: list[str] = []

    def quick(build: Any, device: str, threads: int, **_: object) -> Any:
        calls.append(device)
        return measured_here(build, device, threads)

    monkeypatch.setattr(timing, "measure_afresh", quick)
    table = results.Table.from_json(reproduce("table-1", "--device", "cpu", "--json").stdout)
    reproduce("table-1", "--device", "cpu")
    assert calls == ["cpu", "cpu"], "each row's first run, a method without noise too"
    for row in table.rows:
        assert {(one["device"], one["batch"]) for one in row.runs[0].speed} == {("cpu", 1), ("cpu", 32), ("cpu", 1000)}
        assert row.runs[0].times_as_fast("cpu", 32) is not None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("table-9",), "Expected one of the experiments table-1, figure-1"),
        (("table-1", "--only", "sbq"), "table-1 has the rows sbp, original of lenet-500-300"),
        (("table-1", "--device", "tpu"), "--device: expected one of auto, cpu, cuda, mps, got 'tpu'."),
        (("table-1", "--from-recordings"), "table-1: the recorded results ship with the repository"),
    ],
)
def test_what_cannot_be_understood_is_answered_in_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    done = reproduce(*words)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert launcher._children == []


@pytest.mark.usefixtures("first")
def test_speed_is_measured_of_what_was_recorded_and_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    from sbp.benchmarks import table_latency as timing
    from tests.evaluation.quick import measured_here

    monkeypatch.setattr(timing, "measure_afresh", measured_here)
    asked = reproduce("table-1", "--from-recordings", "--time", "cpu", "--only", "sbp", "--record")
    assert asked.exit_code == 0, asked.output
    sbp, original = results.recorded("table-1").rows
    assert {(one["device"], one["batch"]) for one in sbp.runs[0].speed} == {("cpu", batch) for batch in (1, 32, 1000)}
    assert original.runs[0].speed == (), "a row that was not asked for stays as it was"
    again = reproduce("table-1", "--from-recordings", "--time", "cpu", "--record")
    assert again.exit_code == 0
    assert results.recorded("table-1").rows[0] == sbp, "what is known is not measured again"


@pytest.mark.usefixtures("first")
def test_a_measurement_that_is_cut_off_keeps_the_rows_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from sbp.benchmarks import table_latency as timing
    from tests.evaluation.quick import measured_here

    calls: list[int] = []

    def cut_off(*given: Any, **_: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measured_here(*given)

    monkeypatch.setattr(timing, "measure_afresh", cut_off)
    assert reproduce("table-1", "--from-recordings", "--time", "cpu", "--record").exit_code != 0
    measured = [bool(row.runs[0].speed) for row in results.recorded("table-1").rows]
    assert measured == [True, False]


def test_speed_of_recordings_needs_recordings() -> None:
    asked = reproduce("table-1", "--time", "cpu")
    assert asked.exit_code == 2
    assert "--from-recordings" in asked.output


def test_progress_is_one_line() -> None:
    job = Job(ROWS[0], ROWS[0].recipe)
    assert wait.progress_of([job], 12.3) == "12 s: 0 of 1 finished, 0 training, 0 waiting."
