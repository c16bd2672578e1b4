"""Runs are made, found, listed and deleted; ids from outside never lead out of the folder."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest

from sbp.runs import models, store
from sbp.runs.filenames import STATUS
from sbp.runs.plain_files import read_plain
from sbp.runs.reading import SETTLED
from sbp.runs.states import State
from sbp.runs.store import BadRequest, UnknownRun
from sbp.spec import RunConfig
from sbp.spec.networks import description_of
from tests.runs.made import TINY, another_process_holds


def make(name: str = "", state: str = "finished") -> str:
    """A run that has ended, renamed to a name of the test's choice."""
    with store.create(TINY) as folder:
        folder.write_status(state)
    if name:
        folder.path.rename(folder.path.with_name(name))
    return name or folder.id


def test_ids_are_readable_sortable_and_never_given_twice(runs_root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: store.create(TINY.replace(preset="quick", seed=7)), range(12)))
    names = {folder.id for folder in folders}
    assert len(names) == 12
    assert all("-lenet-500-300-quick-s7" in name for name in names)
    assert {path.name for path in runs_root.iterdir()} == names, "no half-made folder is left"
    for folder in folders:
        assert store.open_run(folder.id).state is State.QUEUED
        folder.close()


def test_a_preset_with_odd_characters_makes_no_odd_folder(runs_root: Path) -> None:
    with store.create(TINY.replace(preset="../../my preset/…")) as folder:
        assert folder.path.parent == runs_root
        assert folder.id.endswith("-my-preset-s0")
        assert store.open_run(folder.id).config.preset == "../../my preset/…"


def test_newest_come_first_and_suffixes_count_as_numbers(runs_root: Path) -> None:
    base = "20260101-120000-lenet-500-300-quick-s0"
    names = [f"{base}-10", f"{base}-9", f"{base}-2", base, "20251231-235959-lenet-500-300-quick-s0"]
    for name in reversed(names):
        make(name)
    assert [view.id for view in store.list_runs(recorded=False)] == names
    assert store.find_run("latest").id == names[0]


def test_recordings_come_last_and_are_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = tmp_path / "assets"
    monkeypatch.setattr(store, "recorded_root", lambda: recordings)
    live = make()
    with store.create(TINY, recordings) as folder:
        folder.write_status("finished", "Recorded.")
    (folder.path / "lock").unlink()
    shutil.move(folder.path, recordings / "lenet-500-300-mnist")
    assert [(view.id, view.recorded) for view in store.list_runs()] == [
        (live, False),
        ("lenet-500-300-mnist", True),
    ]
    assert [view.id for view in store.list_runs(recorded=False)] == [live]
    view = store.open_run("lenet-500-300-mnist")
    assert (view.recorded, view.state, view.message, view.resumable) == (
        True,
        State.FINISHED,
        "Recorded.",
        False,
    )
    with pytest.raises(BadRequest, match="recorded run"):
        store.delete("lenet-500-300-mnist")
    (recordings / "lenet-500-300-mnist" / "status.json").unlink()
    assert store.open_run("lenet-500-300-mnist").state is State.FINISHED, "a recording needs no status"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "../secret",
        "/etc",
        "a/b",
        "a\\b",
        "secret\0",
        ".hidden",
        "x" * 500,
        "%2e%2e",
        "latest/..",
    ],
)
def test_no_id_leads_out_of_the_folder(text: str, runs_root: Path) -> None:
    secret = runs_root.parent / "secret"
    secret.mkdir()
    (secret / "config.json").write_text(TINY.to_json())
    make()
    for look in (store.open_run, store.find_run, store.delete):
        with pytest.raises(UnknownRun, match="There is no run"):
            look(text)
    assert secret.exists()


def test_a_run_is_found_by_a_start_that_no_other_shares() -> None:
    for name in ("20260101-120000-a", "20260101-120000-b", "20260102-120000-a"):
        make(name)
    assert store.find_run("20260102").id == "20260102-120000-a"
    with pytest.raises(UnknownRun, match=r"2 runs start with '20260101'.*give more"):
        store.find_run("20260101")
    make("20260102-120000")
    assert store.find_run("20260102-120000").id == "20260102-120000", "an exact id is no prefix"


@pytest.mark.parametrize("asked", ["whole", "start", "latest"])
def test_finding_a_run_reads_no_other(asked: str, runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [make(f"20260101-00000{i}-a") for i in range(4)]
    read: list[str] = []

    class Counted(store.RunView):
        def __init__(self, folder: Path, recorded: bool = False) -> None:
            read.append(folder.name)
            super().__init__(folder, recorded)

    monkeypatch.setattr(store, "RunView", Counted)
    assert store.find_run({"whole": runs[3], "start": "20260101-000003", "latest": "latest"}[asked]).id == runs[3]
    assert read == [runs[3]]


def test_an_empty_or_missing_place_has_no_runs(runs_root: Path) -> None:
    assert store.list_runs(recorded=False) == []
    with pytest.raises(UnknownRun, match="train starts one"):
        store.find_run("latest")
    (runs_root / "notes").mkdir(parents=True)
    (runs_root / "file.txt").touch()
    assert store.list_runs(recorded=False) == [], "a folder that is no run is left alone"


def test_the_place_of_runs_is_a_folder_of_ones_home_or_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SBP_RUNS", "~/runs")
    assert store.runs_root() == tmp_path / "runs"
    (tmp_path / "runs").touch()
    with pytest.raises(BadRequest, match="SBP_RUNS: expected a folder"):
        store.create(RunConfig())


def test_nothing_stays_of_a_run_that_could_not_be_made(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise OSError("no locks")

    monkeypatch.setattr(store, "Lock", refuse)
    with pytest.raises(OSError, match="no locks"):
        store.create(RunConfig())
    assert list(runs_root.iterdir()) == []


def test_folders_whose_names_no_run_has_are_named(runs_root: Path) -> None:
    for name in ("lauf-ü", "RUN (1)"):
        (runs_root / make()).rename(runs_root / name)
    kept = make()
    assert [view.id for view in store.list_runs(recorded=False)] == [kept]
    assert store.unread() == ["RUN (1)", "lauf-ü"]


def test_deleting_takes_the_run_and_nothing_else(runs_root: Path) -> None:
    unwanted, kept = make(), make()
    store.delete(unwanted)
    assert [view.id for view in store.list_runs(recorded=False)] == [kept]
    assert sorted(path.name for path in runs_root.iterdir()) == [".trash", kept]


def test_a_run_that_is_being_written_is_not_deleted() -> None:
    name = make(state="running")
    with (
        another_process_holds(store.open_run(name).folder / "lock"),
        pytest.raises(BadRequest, match="is running; stop it before"),
    ):
        store.delete(name)
    store.delete(name)


def test_a_long_list_is_cheap() -> None:
    for _ in range(60):
        make()
    store.list_runs()
    begun = time.perf_counter()
    assert len(store.list_runs(recorded=False)) == 60
    assert time.perf_counter() - begun < 1.0


def test_a_second_look_at_a_long_list_reads_what_changes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [make() for _ in range(store.NEWEST)]
    time.sleep(2 * SETTLED / 1e9)
    store.newest_runs()
    read = Mock(wraps=read_plain)
    monkeypatch.setattr(models, "read_plain", read)
    assert [view.description for view in store.list_runs(False)] == [description_of(TINY.network)] * len(runs)
    assert {call.args[0].name for call in read.call_args_list} == {STATUS}


def test_the_newest_are_listed_without_looking_at_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        store.create(TINY).close()
    ids = [view.id for view in store.list_runs(recorded=False)]
    looked = Mock(wraps=store._is_run)
    monkeypatch.setattr(store, "_is_run", looked)
    assert [view.id for view in store.list_runs(recorded=False, most=2)] == ids[:2]
    assert [call.args[0].name for call in looked.call_args_list] == ids[:2]
    assert store.count_runs() == 3
