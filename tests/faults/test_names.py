"""Names that become a path: none leads out of its folder, and nothing but a recorded run is ever replaced."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from sbp.export.files import Exported
from sbp.runs import recording, store
from sbp.runs.names import BadRequest, checked_file_name, checked_name
from tests.cli.shell import sbp
from tests.made_up import write_run

BAD_NAMES = [
    ".",
    "..",
    "../../../x",
    "/tmp/x",
    "",
    " ",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\n",
    ".hidden",
    "-rf",
    "~",
    "~/x",
    "x" * 121,
    "x" * 5000,
    "ü",
    "a b",
    "con:",
    "a*",
    "..%2fx",
    "\udcff",
    "$(id)",
    "\N{FULLWIDTH FULL STOP}",
]


def tree(place: Path) -> dict[str, bytes | None]:
    """Every file and folder below, with its content."""
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else None
        for path in sorted(place.rglob("*"))
        if path.name != "lock"  # made, empty, by a look whether a run is written to
    }


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
def test_a_name_that_is_a_path_is_refused(name: str, runs_root: Path, tmp_path: Path, recordings: Path) -> None:
    run = write_run(runs_root, epochs=2)
    recording.record(run, "precious")
    before = tree(tmp_path)
    with pytest.raises(BadRequest, match=r"name: expected 1 to 120 letters"):
        checked_name(name)
    with pytest.raises(BadRequest):
        recording.record(run, name)
    result = sbp("record", run.id, f"--name={name}")
    assert result.exit_code == 2, result.output
    assert "expected 1 to 120 letters" in result.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("preset", ["../../../outside", "/..", "/etc", "a\nb", "x" * 300, "\0"])
def test_a_foreign_run_whose_preset_is_a_path_is_refused_every_time(
    preset: str, runs_root: Path, tmp_path: Path
) -> None:
    run = write_run(runs_root, epochs=2)
    config = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps({**config, "preset": preset}))
    before = tree(tmp_path)
    for _ in range(2):
        result = sbp("record", run.id)
        assert result.exit_code == 2
        assert tree(tmp_path) == before


def test_a_folder_that_is_no_recording_is_not_replaced(runs_root: Path, recordings: Path) -> None:
    run = write_run(runs_root, epochs=2)
    (recordings / "notes").mkdir()
    (recordings / "notes" / "precious.txt").write_text("mine")
    (recordings / "file").write_text("mine")
    before = tree(recordings)
    for name in ("notes", "file"):
        result = sbp("record", run.id, "--name", name)
        assert result.exit_code == 2
        assert "is no recorded run" in result.stderr
    assert tree(recordings) == before


@pytest.mark.parametrize("what", ["folder", "config", "dangling"])
def test_a_link_is_not_replaced_nor_followed(what: str, runs_root: Path, recordings: Path, tmp_path: Path) -> None:
    run = write_run(runs_root, epochs=2)
    outside = recording.record(run, "outside", tmp_path / "elsewhere")
    if what == "folder":
        (recordings / "kept").symlink_to(outside)
    elif what == "dangling":
        (recordings / "kept").symlink_to(tmp_path / "nowhere")
    else:
        (recordings / "kept").mkdir()
        (recordings / "kept" / "config.json").symlink_to(outside / "config.json")
        (recordings / "kept" / "meta.json").write_text("{}")
    before = tree(tmp_path)
    result = sbp("record", run.id, "--name", "kept")
    assert result.exit_code == 2
    assert "is no recorded run" in result.stderr
    assert tree(tmp_path) == before


@pytest.mark.parametrize("step", ["write", "rename"])
def test_the_old_recording_is_back_when_the_new_one_cannot_be_written(
    step: str, runs_root: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.record(write_run(runs_root, epochs=2, seed=1), "kept")
    before = tree(recordings)
    if step == "write":
        monkeypatch.setattr(recording, "_thinned_rows", _full_disk)
    else:
        rename = Path.rename
        monkeypatch.setattr(
            Path,
            "rename",
            lambda self, target: _full_disk() if self.name.startswith(".new-") else rename(self, target),
        )
    with pytest.raises(OSError, match="No space"):
        recording.record(write_run(runs_root, epochs=2, seed=2), "kept")
    monkeypatch.undo()
    assert tree(recordings) == before


def test_a_recording_that_was_cut_off_by_a_kill_is_taken_up(runs_root: Path, recordings: Path) -> None:
    run = write_run(runs_root, epochs=2, seed=2)
    old = recording.record(write_run(runs_root, epochs=2, seed=1), "kept")
    old.rename(recordings / ".old-kept")  # as a process that ended between the two renames leaves it
    recording._recover(recordings / "kept", recordings / ".old-kept")
    assert store.RunView(recordings / "kept", recorded=True).config.seed == 1
    shutil.copytree(recordings / "kept", recordings / ".old-kept")  # and here one that ended before it had tidied up
    recording.record(run, "kept")
    assert [path.name for path in recordings.iterdir()] == ["kept"]
    assert store.RunView(recordings / "kept", recorded=True).config.seed == 2


def test_replacing_a_recording_leaves_only_the_new_one(runs_root: Path, recordings: Path) -> None:
    for seed in (1, 2):
        assert sbp("record", write_run(runs_root, epochs=2, seed=seed).id, "--name", "kept").exit_code == 0
    assert [path.name for path in recordings.iterdir()] == ["kept"]
    assert store.RunView(recordings / "kept", recorded=True).config.seed == 2


def test_a_new_run_that_no_folder_can_be_named_after_is_refused_before_anything_is_made(runs_root: Path) -> None:
    result = sbp("train", "--data", "digits", "--device", "cpu", "--detach", "--seed", "1" + "0" * 150)
    assert result.exit_code == 2
    assert "the run's id: expected 1 to 120 letters" in result.stderr
    assert not runs_root.exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", ".x", "a\\b", "a\0", "a\n", "x" * 300])
def test_an_exported_file_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    place = tmp_path / "out"
    with pytest.raises(BadRequest, match="expected one name"):
        Exported(name, b"network", "card", None, {}).write(place)  # type: ignore[arg-type]
    assert not place.exists()


def test_an_exported_file_may_be_called_what_people_call_files() -> None:
    for name in ("my network (1).safetensors", "Netz-ü.onnx", "a.b.c"):
        assert checked_file_name(name) == name


def test_deleting_a_run_that_is_a_link_touches_neither_link_nor_folder(runs_root: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "elsewhere", epochs=2)
    runs_root.mkdir()
    os.symlink(run.folder, runs_root / "linked")
    before = tree(tmp_path)
    with pytest.raises(BadRequest, match="is a link to a folder elsewhere"):
        store.delete("linked")
    assert tree(tmp_path) == before


def _full_disk(*_: object) -> bytes:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "words", ["runs", "runs --live --json", "show x", "stop x", "train lenet-500-300 --data digits"]
)
def test_a_file_in_the_place_of_the_runs_is_named_by_every_verb(words: str, runs_root: Path) -> None:
    runs_root.write_text("mine")
    done = sbp(*words.split())
    assert (done.exit_code, done.stdout) == (2, "")
    assert "SBP_RUNS" in done.stderr
    assert str(runs_root) in done.stderr
    assert runs_root.read_text() == "mine"
