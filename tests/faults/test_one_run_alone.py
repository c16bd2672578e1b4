"""One bad file is that run's problem, in a sentence: the list and every command show the others, and write nothing."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sbp.cli import app
from sbp.export.files import ExportError, exported
from sbp.runs import launcher, measuring, recording, store
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from tests.faults.bad import FAULTS, REMAKEABLE, UNREADABLE_CONFIG, Spoil
from tests.made_up import write_run

RESULT = {
    "network": "lenet-500-300",
    "dataset": "digits",
    "method": "sbp",
    "preset": "quick",
    "seed": 0,
    "epochs": 6,
    "test_error_percent": 2.5,
    "validation_error_percent": 2.0,
    "kept": [200, 100, 50],
    "macs": 25_500,
    "macs_dense": 545_000,
    "seconds": 9.0,
    "n_test": 360,
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("show", "RUN"),
    ("show", "RUN", "--json"),
    ("sweep", "RUN"),
    ("sweep", "RUN", "--out", "OUT/s.json"),
    ("compact", "RUN", "--out", "OUT/c.safetensors"),
    ("export", "RUN", "--out", "OUT"),
    ("attribute", "RUN"),
    ("bench", "compact", "RUN"),
    ("record", "RUN", "--name", "kept"),
    ("resume", "RUN"),
    ("stop", "RUN"),
)


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A reader that waits for a pipe's writer would wait for ever: the alarm ends it as a failure."""

    def late(*_: object) -> None:
        raise AssertionError("It waits for something that never comes.")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def spoilt(root: Path, file: str, spoil: Spoil, **changes: Any) -> store.RunView:
    """A finished run with a result and something for weights, of which one file is bad."""
    run = write_run(root, epochs=6, log="It trained.\n", **changes)
    (run.folder / "result.json").write_text(json.dumps({"id": run.id, **RESULT}))
    (run.folder / "model.safetensors").write_bytes(b"weights")
    assert store.open_run(run.id, root).problem == "", "before anything is spoilt"
    spoil(run.folder / file)
    return store.open_run(run.id, root)


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_this_runs_problem_in_one_sentence(fault: str, runs_root: Path) -> None:
    file, spoil = FAULTS[fault]
    bad, good = spoilt(runs_root, file, spoil), write_run(runs_root, epochs=2, seed=5)
    views = {view.id: view for view in store.list_runs(recorded=False)}
    assert views[good.id].problem == ""
    assert views[good.id].state is State.FINISHED
    view = views[bad.id]
    assert view.state is State.FAILED
    assert view.message == view.problem
    assert file in view.problem
    assert view.problem.endswith(".")
    assert "\n" not in view.problem
    assert len(view.problem) < 900
    assert not view.resumable
    assert view.summary()["message"] == view.problem
    assert json.dumps(view.summary(), allow_nan=False)
    # Whatever else is asked of it is answered.
    view.records(), view.snapshots(), view.log_tail(), view.sweep(), view.speed(), view.attribution()
    with pytest.raises(BadRequest, match=r"^20"):
        view.sound()


@pytest.mark.parametrize("fault", FAULTS)
def test_every_command_refuses_it_and_writes_nothing(fault: str, runs_root: Path, tmp_path: Path) -> None:
    file, spoil = FAULTS[fault]
    bad = spoilt(runs_root, file, spoil)
    out = tmp_path / "out"
    out.mkdir()
    before = list(tree_of(tmp_path))
    for words in COMMANDS:
        result = CliRunner().invoke(app, [word.replace("RUN", bad.id).replace("OUT", str(out)) for word in words])
        assert result.exit_code not in (0, None), f"{words}: {result.output}"
        assert file in result.stderr, f"{words}: {result.stderr}"
        assert "Traceback" not in result.output
        assert result.stderr.startswith("Error: "), f"{words}: {result.stderr}"
    assert list(tree_of(tmp_path)) == before


@pytest.mark.parametrize("fault", [*UNREADABLE_CONFIG, "state is a list", "a record with a word for a number"])
def test_the_list_shows_the_others(fault: str, runs_root: Path) -> None:
    file, spoil = FAULTS[fault]
    bad, good = spoilt(runs_root, file, spoil), write_run(runs_root, epochs=2, seed=5)
    printed = CliRunner().invoke(app, ["runs", "--live"])
    assert printed.exit_code == 0, printed.output
    assert bad.id in printed.stdout
    assert good.id in printed.stdout
    assert f"{bad.id}: " in printed.stderr
    assert file in printed.stderr
    known = {run["id"]: run for run in json.loads(CliRunner().invoke(app, ["runs", "--live", "--json"]).stdout)}
    assert (known[bad.id]["state"], known[good.id]["state"]) == ("failed", "finished")
    assert CliRunner().invoke(app, ["show", good.id]).exit_code == 0
    planned = CliRunner().invoke(app, ["reproduce", "table-1", "--dry-run", "--seeds", "1"])
    assert planned.exit_code == 0, planned.output


@pytest.mark.parametrize("fault", UNREADABLE_CONFIG)
def test_no_default_stands_in_for_a_config(fault: str, runs_root: Path) -> None:
    file, spoil = UNREADABLE_CONFIG[fault]
    bad = spoilt(runs_root, file, spoil)
    with pytest.raises(ValueError, match=r"config\.json"):
        _ = bad.config
    assert bad.layers == ()
    summary = bad.summary()
    said = {name: value for name, value in summary.items() if value is not None}
    assert set(said) == {"id", "state", "message"}, "nothing is said of another network"


VERBS: dict[str, Callable[[store.RunView], object]] = {
    "resume": lambda view: launcher.resume(view.id),
    "stop": lambda view: launcher.stop(view.id),
    "measure": lambda view: measuring.start("sweep", view.id),
    "record": lambda view: recording.record(view, "kept"),
    "export": lambda view: exported(view),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "fault", ["config cut by two bytes", "state is a list", "noise is a link", "created is no time"]
)
def test_what_the_buttons_call_refuses_it(fault: str, verb: str, runs_root: Path, tmp_path: Path) -> None:
    bad = spoilt(runs_root, *FAULTS[fault])
    before = list(tree_of(tmp_path))
    with pytest.raises((BadRequest, ExportError), match=FAULTS[fault][0]):
        VERBS[verb](bad)
    assert list(tree_of(tmp_path)) == before


def test_a_broken_run_can_be_deleted(runs_root: Path) -> None:
    bad = spoilt(runs_root, *FAULTS["config is a pipe"])
    store.delete(bad.id)
    assert store.list_runs(recorded=False) == []
    store.undelete(bad.id)
    assert "config.json" in store.open_run(bad.id).problem


def test_one_that_lives_is_stopped_whatever_its_files_look_like(runs_root: Path) -> None:
    folder = write_run(runs_root, "running", epochs_done=2, hold=True)
    (folder.path / "meta.json").write_text("{")
    launcher.stop(folder.id)
    assert (folder.path / "stop").exists()
    folder.close()


@pytest.mark.parametrize("fault", REMAKEABLE)
def test_what_can_be_made_again_is_not_made_yet(fault: str, runs_root: Path) -> None:
    view = spoilt(runs_root, *REMAKEABLE[fault])
    assert view.problem == ""
    assert view.speed() is None
    assert view.attribution() is None
    if "criteria" not in fault and not isinstance(view.sweep(), dict):
        assert view.sweep() is None


def test_rows_of_zeros_at_the_end_are_a_cut_end(runs_root: Path) -> None:
    """What a power cut leaves of rows that had not reached the disk."""
    run = write_run(runs_root, State.STOPPED, epochs=6)
    content = (run.folder / "noise.f32").read_bytes()
    row = len(content) // 7
    (run.folder / "noise.f32").write_bytes(content[: 5 * row] + bytes(2 * row + 10))
    view = store.open_run(run.id)
    assert view.problem == ""
    assert view.snapshots().epochs.tolist() == [0, 1, 2, 3, 4]


def test_configs_of_earlier_versions_keep_opening() -> None:
    """Fields that came later may be missing; those of the first version may not (`sbp.runs.configs.REQUIRED`)."""
    shipped = Path(__file__).parents[2] / "assets" / "runs"
    views = [store.RunView(folder, recorded=True) for folder in sorted(shipped.iterdir())]
    assert len(views) >= 40
    assert [view.problem for view in views] == [""] * len(views)
    older = [json.loads((view.folder / "config.json").read_text()) for view in views]
    assert any("optimiser" not in config for config in older), "some were written before there was a choice"


def tree_of(place: Path) -> Iterator[tuple[str, int, int]]:
    """Every name below with its time and size; nothing is opened."""
    for path in sorted(place.rglob("*")):
        facts = path.lstat()
        yield str(path.relative_to(place)), facts.st_mtime_ns if path.name != "lock" else 0, facts.st_size
