"""speed.json: one measurement a device and threads, a place of its own for recordings, nothing believed that is cut."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sbp.runs import store
from sbp.runs.speed import speed_path, write_speed
from tests.made_up import write_run


def measurement(device: str = "cpu", threads: int = 2, **changes: Any) -> dict[str, Any]:
    row = {"variant": "compact", "batch": 32, "median_seconds": 4e-4, "iqr_seconds": 1e-5, "n": 9}
    return {
        "device": device,
        "hardware": "a machine",
        "threads": threads,
        "versions": {"torch": "2"},
        "when": 1.8e9,
        "rows": [row],
        **changes,
    }


@pytest.fixture
def recording(runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A recorded run that ships with a measurement of another machine's CPU and GPU."""
    view = write_run(tmp_path / "elsewhere")
    shipped = tmp_path / "recorded"
    shutil.copytree(view.folder, shipped / view.id)
    both = [measurement(hardware="theirs"), measurement("cuda", hardware="theirs")]
    (shipped / view.id / "speed.json").write_text(json.dumps({"measurements": both}))
    monkeypatch.setattr(store, "recorded_root", lambda: shipped)
    return store.open_run(view.id)


def test_a_run_that_was_not_measured_has_no_speed(runs_root: Path) -> None:
    assert write_run(runs_root).speed() is None


def test_a_measurement_replaces_that_of_its_device_and_threads_and_no_other(runs_root: Path) -> None:
    view = write_run(runs_root)
    before = view.stamp
    for one in (measurement(), measurement(threads=1), measurement("cuda"), measurement(when=1.9e9)):
        assert write_speed(view, one) == view.folder / "speed.json"
    assert view.speed() == {"measurements": [measurement(threads=1), measurement("cuda"), measurement(when=1.9e9)]}
    after = store.open_run(view.id)
    assert after.stamp != before
    assert after.data_stamp == view.data_stamp
    assert after.state == view.state


def test_a_recorded_run_is_not_written_to_and_what_was_measured_here_comes_first(
    recording: Any, runs_root: Path
) -> None:
    shipped = (recording.folder / "speed.json").read_bytes()
    assert [one["hardware"] for one in recording.speed()["measurements"]] == ["theirs", "theirs"]
    path = write_speed(recording, measurement(hardware="ours"))
    assert path == speed_path(recording) == runs_root / ".speed" / f"{recording.id}.json"
    assert (recording.folder / "speed.json").read_bytes() == shipped
    found = store.open_run(recording.id).speed()
    assert found is not None
    assert [(one["device"], one["hardware"]) for one in found["measurements"]] == [("cuda", "theirs"), ("cpu", "ours")]
    assert [run.id for run in store.list_runs()] == [recording.id], "its folder is no run"


CORRUPT = [
    "",
    "{",
    "[]",
    "{}",
    '{"measurements": 3}',
    '{"measurements": [3]}',
    '{"measurements": [{"device": "cpu"}]}',
    json.dumps({"measurements": [{**measurement(), "threads": "2"}]}),
    json.dumps({"measurements": [measurement(rows=[{"variant": "dense"}])]}),
    json.dumps({"measurements": [measurement()]}).replace("0.0004", "NaN"),
    json.dumps({"measurements": [measurement()]}).replace("0.0004", "0"),
    json.dumps({"measurements": [measurement()]})[:-9],
]


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_file_is_none_and_fails_no_run(runs_root: Path, content: str) -> None:
    view = write_run(runs_root)
    (view.folder / "speed.json").write_text(content)
    view = store.open_run(view.id)
    assert view.speed() is None
    assert view.problem == ""
    write_speed(view, measurement())
    assert view.speed() == {"measurements": [measurement()]}


@pytest.mark.parametrize("content", CORRUPT)
def test_a_corrupt_file_beside_a_recording_hides_nothing(recording: Any, content: str) -> None:
    path = speed_path(recording)
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert [one["hardware"] for one in recording.speed()["measurements"]] == ["theirs", "theirs"]


def test_half_a_measurement_is_not_written(runs_root: Path) -> None:
    view = write_run(runs_root)
    for wrong in ({}, measurement(rows=None), measurement(hardware=None), measurement(rows=[{"n": 1}])):
        with pytest.raises(ValueError, match="measurement: expected device, hardware, threads"):
            write_speed(view, wrong)
    assert not (view.folder / "speed.json").exists()
