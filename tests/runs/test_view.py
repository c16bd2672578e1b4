"""What readers make of a folder: derived states, corrupt files, stamps, the summary."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sbp import __version__
from sbp.runs import store
from sbp.runs.files import write_json
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.runs.summary import KEYS
from sbp.spec.networks import description_of
from tests.runs.made import REQUIRED, TINY, another_process_holds, progress, record, snapshot


def made(state: State = State.RUNNING, keep: bool = False) -> RunFolder:
    """A run in some state, its writer ended unless it is kept."""
    folder = store.create(TINY)
    folder.append_snapshot(snapshot(folder, 0))
    folder.append_record(record(1))
    folder.append_snapshot(snapshot(folder, 1))
    folder.write_status(state, "", progress())
    if not keep:
        folder.close()
    return folder


@pytest.mark.parametrize("state", State)
def test_an_active_state_without_a_living_writer_is_lost_and_every_other_is_itself(state: State) -> None:
    folder = made(state, keep=True)
    assert store.open_run(folder.id).state is state
    folder.close()
    view = store.open_run(folder.id)
    assert view.state is (State.LOST if state.active else state)
    assert view.resumable is (view.state in (State.LOST, State.STOPPED, State.FAILED))


def test_a_lost_run_says_where_resume_would_begin() -> None:
    folder = made(keep=True)
    folder.close()
    assert "while the run was running; it can be resumed from the start" in store.open_run(folder.id).message
    with RunFolder(folder.path) as again:
        again.write_checkpoint({}, {})
    assert "from its last checkpoint" in store.open_run(folder.id).message


def test_a_run_is_alive_through_another_process_that_holds_its_lock() -> None:
    folder = made()
    with another_process_holds(folder.path / "lock"):
        view = store.open_run(folder.id)
        assert view.alive
        assert view.state is State.RUNNING
        assert view.silent_seconds() is not None
    assert store.open_run(folder.id).state is State.LOST
    assert store.open_run(folder.id).silent_seconds() is None


def test_a_request_to_stop_shows_at_once(tmp_path: Path) -> None:
    folder = made(keep=True)
    (folder.path / "stop").touch()
    view = store.open_run(folder.id)
    assert view.state is State.STOPPING
    assert view.message == State.STOPPING.sentence
    folder.write_status("finished")
    assert store.open_run(folder.id).state is State.FINISHED, "it ended before it heard"
    folder.close()


CORRUPTIONS = {
    "config.json": ["", "{", "[]", '{"epochs": "many"}', '{"colour": 1}', '{"network": "vgg"}', "\0\0\0"],
    "status.json": ["{", '{"state": "asleep"}', '{"state": []}', "{}", "null"],
    "records.jsonl": ["garbage\n", '{"epoch": 1}\n', "[]\n", "\0\0\n", '{"epoch": 1}\ncut'],
    "meta.json": ["{", '{"layers": 3}', '{"layers": [{"name": "x"}]}'],
    "result.json": ["{", "[]"],
}


@pytest.mark.parametrize(
    ("name", "content"), [(name, content) for name, contents in CORRUPTIONS.items() for content in contents]
)
@pytest.mark.parametrize("state", [State.FINISHED, State.RUNNING])
def test_a_corrupt_file_fails_its_run_alone_and_is_named(name: str, content: str, state: State) -> None:
    good, bad = made(State.FINISHED), made(state, keep=True)
    (bad.path / name).write_text(content)
    views = {view.id: view for view in store.list_runs(recorded=False)}
    view = views[bad.id]
    assert view.state is State.FAILED
    assert name in view.message
    assert view.message.endswith(".")
    assert view.problem == view.message
    assert views[good.id].state is State.FINISHED
    assert set(REQUIRED) <= set(view.summary())
    assert json.dumps(view.summary(), allow_nan=False)
    view.records()
    view.snapshots()
    bad.close()


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_a_missing_file_is_named(name: str) -> None:
    folder = made(State.FINISHED)
    (folder.path / name).unlink()
    view = store.open_run(folder.id)
    assert view.state is State.FAILED
    assert f"{name} is missing" in view.message


def test_records_before_a_corrupt_line_are_still_shown() -> None:
    folder = made(State.FINISHED)
    with open(folder.path / "records.jsonl", "a") as file:
        file.write("garbage\n" + json.dumps(record(3).to_dict()) + "\n")
    view = store.open_run(folder.id)
    assert [r.epoch for r in view.records()] == [1]
    assert "line 2" in view.message


WRITES: list[tuple[str, bool, Callable[[RunFolder], None]]] = [
    ("status", False, lambda folder: folder.write_status("running", "", progress(11))),
    ("record", True, lambda folder: folder.append_record(record(2))),
    ("snapshot", True, lambda folder: folder.append_snapshot(snapshot(folder, 2))),
    ("checkpoint", False, lambda folder: folder.write_checkpoint({}, {})),
    ("model", True, lambda folder: folder.write_model({})),
    ("result", True, lambda folder: folder.write_result({})),
    ("meta", True, lambda folder: folder.write_meta({"hardware": "x"})),
    ("death", False, lambda folder: folder.close()),
]


@pytest.mark.parametrize(("what", "data", "write"), WRITES, ids=[write[0] for write in WRITES])
def test_the_stamp_changes_with_every_write_and_the_data_stamp_with_data(
    what: str, data: bool, write: Callable[[RunFolder], None]
) -> None:
    folder = made(keep=True)
    before, again = store.open_run(folder.id), store.open_run(folder.id)
    assert before.stamp == again.stamp
    write(folder)
    after = store.open_run(folder.id)
    assert after.stamp != before.stamp
    assert hash(after.stamp) != hash(before.stamp)
    assert (after.data_stamp != before.data_stamp) is data
    folder.close()


def test_the_summary_of_a_run_without_records_has_every_key() -> None:
    with store.create(TINY) as folder:
        run = store.open_run(folder.id).summary()
    assert set(KEYS) == set(run) >= REQUIRED
    assert (run["state"], run["epochs"], run["epochs_done"]) == ("queued", 40, 0)
    assert (run["test_error_percent"], run["kept"], run["macs"], run["seconds"]) == (None, None, None, None)
    assert run["macs_dense"] == 784 * 8 + 64 + 80


def test_the_summary_of_a_running_run_speaks_of_its_last_record() -> None:
    folder = made(keep=True)
    run = store.open_run(folder.id).summary()
    assert (run["kept"], run["macs"], run["seconds"], run["epochs_done"]) == ([783, 8, 8], 6415, 0.5, 1)
    assert run["macs_reduction"] == pytest.approx(1.0, abs=1e-3)
    assert run["test_error_percent"] is None
    folder.close()


def test_the_summary_of_a_finished_run_is_its_result() -> None:
    folder = made(State.FINISHED, keep=True)
    folder.write_result({"test_error_percent": 1.5, "kept": [3, 2, 1], "macs": 18})
    folder.write_status("finished", "Done.")
    folder.close()
    run = store.open_run(folder.id).summary()
    assert (run["id"], run["state"], run["message"]) == (folder.id, "finished", "Done.")
    assert (run["test_error_percent"], run["kept"], run["macs"]) == (1.5, [3, 2, 1], 18)


def test_an_unreadable_config_is_not_passed_off_as_the_default_one() -> None:
    folder = made(State.FINISHED)
    (folder.path / "config.json").write_text("{")
    run = store.open_run(folder.id).summary()
    assert (run["network"], run["seed"], run["macs_dense"]) == (None, None, None)
    assert not store.open_run(folder.id).resumable


def test_a_config_of_another_version_says_which_version_reads_it() -> None:
    path = made(State.FINISHED).path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "a_later_field": 1}))
    view = store.open_run(path.parent.name)
    assert f"to sbp {__version__}:" in view.problem
    assert "a_later_field" in view.problem


def test_a_network_with_nothing_left_has_no_reduction() -> None:
    with store.create(TINY) as folder:
        folder.append_record(record(1, kept=(0, 0, 0), macs=0))
        run = store.open_run(folder.id).summary()
    assert (run["macs"], run["macs_reduction"]) == (0, None)


def test_the_log_ends_with_its_last_lines() -> None:
    folder = made(State.FAILED)
    (folder.path / "log.txt").write_bytes(b"\xff" + b"".join(b"line %d\n" % n for n in range(1000)))
    assert store.open_run(folder.id).log_tail(2) == "line 998\nline 999"


def test_layers_of_a_network_the_library_does_not_know_come_from_meta() -> None:
    folder = made(State.FINISHED)
    layers = [{"name": "mine", "kind": "neuron", "units": 3, "shape": [3]}]
    write_json(folder.path / "meta.json", {"layers": layers})
    (folder.path / "noise.f32").unlink()
    view = store.open_run(folder.id)
    assert view.layers[0].name == "mine"
    assert view.snapshots().loc["mine"].shape == (0, 3)


def test_a_run_carries_the_description_of_its_network() -> None:
    folder = made()
    kept = json.loads((folder.path / "description.json").read_text())
    assert (kept["schema"], kept["name"]) == (1, TINY.network.name)
    view = store.open_run(folder.id)
    assert view.description == description_of(TINY.network)
    (folder.path / "description.json").unlink()  # as in a run of an earlier version
    older = store.open_run(folder.id)
    assert (older.problem, older.description) == ("", view.description)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema"),
        ({"groups": []}, "groups"),
        ({"image": [1, 0]}, "image"),
        ({"image": [1, 28]}, "another run"),
        ({"weights": [{"name": "dense1", "kind": "dense", "kernel": -1}]}, "weights.0.kernel"),
        (
            {"groups": [{"name": "other", "kind": "neuron", "units": 3, "shape": [3]}], "scales": [[0, 1]]},
            "expected groups of the network",
        ),
    ],
)
def test_a_description_that_cannot_be_the_networks_is_the_runs_problem(change: dict[str, object], said: str) -> None:
    folder = made()
    path = folder.path / "description.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    view = store.open_run(folder.id)
    assert "description.json" in view.problem
    assert said in view.problem
