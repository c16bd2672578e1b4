"""An experiment kept with the code: one recorded run per row, weights where wanted, the rest of the table as is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sbp.cli import app
from sbp.experiments import archive, figures, running
from sbp.experiments.planned import Plan
from sbp.experiments.results import Row, Table, recorded, speed_rows
from sbp.runs import store
from sbp.runs.folder import RunFolder
from tests.experiments.test_running import ROWS, finished
from tests.runs.test_speed import measurement

PLAN = Plan("table-1", "A table", ROWS, weights=("sbp",))


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place of this test's own for what ships with the code."""
    from sbp.experiments import results

    monkeypatch.setattr(store, "recorded_root", lambda: tmp_path / "assets" / "runs")
    monkeypatch.setattr(results, "results_root", lambda: tmp_path / "assets" / "results")
    return tmp_path / "assets"


@pytest.fixture
def trained(runs_root: Path) -> None:
    """Two seeds of SBP and one run of SSL, which has no noise; each with weights."""
    runs = [finished(runs_root, 1.4), finished(runs_root, 1.8, seed=1), finished(runs_root, 1.7, method="ssl")]
    for run in runs:
        with RunFolder(run.folder) as folder:
            folder.write_model({})


def table(rows: tuple = ROWS):  # type: ignore[no-untyped-def]
    return running.table_of("table-1", running.jobs_of(rows, 2))


def test_the_first_seed_of_each_row_is_recorded(assets: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(), assets / "runs")
    sbp, ssl = "table-1-lenet-500-300-sbp", "table-1-lenet-500-300-ssl"
    views = {view.id: view for view in store.list_runs() if view.recorded}
    assert set(views) == {sbp, ssl}
    assert (views[sbp].model_path is None, views[ssl].model_path is None) == (False, True)
    assert [run.run for run in recorded("table-1").row("lenet-500-300", "sbp").runs] == [sbp, ""]
    assert recorded("table-1").row("lenet-500-300", "sbp").mean == pytest.approx(1.6)


@pytest.mark.parametrize("record", [archive.record_experiment, archive.record_check])
def test_without_a_finished_run_nothing_is_recorded(assets: Path, runs_root: Path, record: Any) -> None:
    with pytest.raises(store.BadRequest, match="no run has finished"):
        record(PLAN, table())
    assert not list(assets.rglob("*"))


def test_a_recording_without_noise_is_listed_and_shown(assets: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(), assets / "runs")
    name = "table-1-lenet-500-300-ssl"
    view = store.open_run(name)
    assert (view.problem, str(view.state), len(view.snapshots())) == ("", "finished", 0)
    assert name in CliRunner().invoke(app, ["runs"]).output
    shown = CliRunner().invoke(app, ["show", name]).output
    assert "1.70 % test error" in shown
    assert "no KL" in shown


def test_rows_that_were_kept_before_stay(assets: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(ROWS[1:]), assets / "runs")
    archive.record_experiment(PLAN, table(ROWS[:1]), assets / "runs")
    assert [row.key for row in recorded("table-1").rows] == ["sbp", "ssl"], "in the plan's order"


def test_later_seeds_are_added_and_the_first_stay_as_they_are(assets: Path, runs_root: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(), assets / "runs")
    before = recorded("table-1")
    finished(runs_root, 9.9, seed=3)
    finished(runs_root, 8.8, seed=4)
    later = running.table_of("table-1", running.jobs_of(ROWS, 4, first=1))
    assert [run.seed for run in later.row("lenet-500-300", "sbp").runs] == [1, 3, 4]
    (path,) = archive.record_experiment(PLAN, later, assets / "runs")
    assert path.name == "table-1.json", "nothing is recorded"
    after = recorded("table-1")
    sbp = after.row("lenet-500-300", "sbp").runs
    assert sbp[:2] == before.row("lenet-500-300", "sbp").runs
    assert [(run.seed, run.test_error_percent, run.run) for run in sbp[2:]] == [(3, 9.9, ""), (4, 8.8, "")]
    assert after.row("lenet-500-300", "ssl") == before.row("lenet-500-300", "ssl")


def test_a_check_is_kept_apart(assets: Path, runs_root: Path, trained: None) -> None:
    from sbp.experiments.results import check_recorded

    archive.record_experiment(PLAN, table(), assets / "runs")
    before = recorded("table-1")
    for seed in (100, 101):
        finished(runs_root, 2.0 + seed / 100, seed=seed)
        found = running.table_of("table-1", running.jobs_of(ROWS, 1, first=seed))
        archive.record_check(PLAN, found)
    assert recorded("table-1") == before
    check = check_recorded("table-1")
    assert check is not None
    assert [(row.key, [(run.seed, run.run) for run in row.runs]) for row in check.rows] == [
        ("sbp", [(100, ""), (101, "")])
    ]
    assert not (assets / "runs" / "table-1-check-lenet-500-300-sbp").exists()


def test_pictures_and_curves_are_drawn_of_recordings_too(assets: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(), assets / "runs")
    for name, files in (
        ("figure-1", {"figure-1-curves.csv", "figure-1.svg"}),
        ("figure-2", {"figure-2-pixels.csv", "figure-2.png"}),
    ):
        kept = recorded("table-1")
        made, remarks = figures.files_of(type(kept)(name, kept.rows[:1]))
        assert (set(made), remarks) == (files, [])
    curves = figures.files_of(type(kept)("figure-1", kept.rows[:1]))[0]["figure-1-curves.csv"].decode().splitlines()
    records = store.open_run("table-1-lenet-500-300-sbp").records()
    assert len(curves) == 1 + len(records)
    last = records[-1]
    assert curves[-1].startswith(f'"SBP",{last.epoch},{1150 * last.nll:.6g},{last.kl:.6g},{1150 * last.loss:.6g},')
    pixels = figures.files_of(type(kept)("figure-2", kept.rows[:1]))[0]["figure-2-pixels.csv"].decode().splitlines()
    assert [len(row.split(",")) for row in pixels] == [28] * 28


def test_a_run_that_is_not_kept_leaves_a_sentence(assets: Path, trained: None) -> None:
    kept = table()
    store.delete(kept.rows[0].runs[0].run)
    made, (remark,) = figures.files_of(type(kept)("figure-1", kept.rows[:1]))
    assert made == {}
    assert "The curves of SBP are not kept here" in remark


def test_a_recorded_runs_speed_is_replaced_in_its_folder_and_in_every_table(assets: Path, trained: None) -> None:
    archive.record_experiment(PLAN, table(), assets / "runs")
    name = "table-1-lenet-500-300-sbp"
    first = measurement(when=1.7e9)
    archive.record_speed(store.open_run(name), first)
    sbp, ssl = recorded("table-1").rows
    assert [run.speed for run in (*sbp.runs, *ssl.runs)] == [(), (), ()], "what a table does not show is not added"
    archive.keep_table(PLAN, Table("table-1", (with_speed(sbp, measurement("cuda"), first),)))
    before = store.open_run(name).speed()
    assert before == {"measurements": [first]}
    newer = measurement(when=1.8e9, hardware="another machine")
    paths = archive.record_speed(store.open_run(name), newer)
    assert paths == [assets / "runs" / name / "speed.json", assets / "results" / "table-1.json"]
    assert store.open_run(name).speed() == {"measurements": [newer]}
    (known, other), _ = recorded("table-1").rows[0].runs, recorded("table-1").rows[1]
    assert [(row["device"], row["hardware"]) for row in known.speed] == [
        ("cuda", "a machine"),
        ("cpu", "another machine"),
    ]
    assert other.speed == ()
    (assets / "runs" / name).rename(assets.parent / "runs" / name)
    with pytest.raises(store.BadRequest, match="does not ship with the code"):
        archive.record_speed(store.open_run(name), newer)


def with_speed(row: Row, *measured: dict[str, Any]) -> Row:
    """The row, its first run measured."""
    speed = tuple(line for one in measured for line in speed_rows(one))
    return dataclasses.replace(row, runs=(dataclasses.replace(row.runs[0], speed=speed), *row.runs[1:]))
