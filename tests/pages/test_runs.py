"""Page Runs: every run in every state, compared, exported, resumed, stopped, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.runs import compare, rows
from pages.shared import run_details
from pages.shared.outside import md
from sbp.runs import launcher, store
from tests.made_up import config, write_run
from tests.pages.opened import healthy, labels, opened, texts


def test_without_any_run_it_leads_to_the_first() -> None:
    at = healthy(opened("runs"))
    assert "No run of your own yet" in texts(at)
    assert [link.proto.page for link in at.get("page_link")] == ["search", "train"]


def test_recordings_are_listed_and_cannot_be_deleted(recorded: str) -> None:
    at = healthy(opened("runs"))
    assert "recorded" in texts(at)
    assert "Delete" not in labels(at)


def test_every_state_has_a_row(runs_root: Path, recorded: str) -> None:
    states = ["finished", "failed", "diverged", "stopped", "running"]
    for state in states:
        write_run(runs_root, state, epochs_done=3, message=f"It is {state}.")
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        at = healthy(opened("runs"))
    finally:
        writer.close()
    said = texts(at)
    for word in ("finished", "failed", "diverged", "stopped", "lost", "running", "recorded"):
        assert word in said
    assert "Epoch 4 of 12" in at.get("progress")[0].proto.text
    assert at.button(key=f"delete-{writer.id}").disabled


def test_a_row_says_what_came_out(runs_root: Path) -> None:
    run = write_run(runs_root)
    assert "held-out error" in rows.outcome(run)
    assert "fewer MACs" in rows.outcome(run)
    assert "kept" in rows.outcome(run)


def test_a_row_says_what_was_changed(runs_root: Path) -> None:
    run = write_run(runs_root, noise_lr=0.03, seed=5)
    assert "noise lr 0.03" in rows.summary_of(run)
    assert "seed 5" in rows.summary_of(run)


def test_two_ticked_runs_are_compared(runs_root: Path) -> None:
    first, second = write_run(runs_root), write_run(runs_root, noise_lr=0.05)
    at = opened("runs")
    at.checkbox(key=f"tick-{first.id}").check().run()
    assert "Tick one more" in texts(at)
    at.checkbox(key=f"tick-{second.id}").check().run()
    healthy(at)
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 4
    table = at.dataframe[0].value
    assert list(table.index) == ["A", "B"]
    assert sorted(table["noise_lr"]) == ["0.05", "0.1"]
    assert "seed" not in table.columns


def test_no_more_than_four_are_compared(runs_root: Path) -> None:
    runs = [write_run(runs_root, seed=seed, epochs_done=1) for seed in range(5)]
    at = opened("runs")
    for run in runs[:4]:
        at.checkbox(key=f"tick-{run.id}").check().run()
    assert at.checkbox(key=f"tick-{runs[4].id}").disabled


def test_what_differs() -> None:
    assert compare.varying([config(), config()]) == []
    assert compare.varying([config(), config(seed=1, preset="custom")]) == ["seed"]


def test_deleting_asks_once_more(runs_root: Path) -> None:
    run = write_run(runs_root)
    at = opened("runs")
    at.button(key=f"delete-{run.id}").click().run()
    assert run.folder.exists()
    at.button(key="delete-yes").click().run()
    healthy(at)
    assert not run.folder.exists()
    at.button(key="delete-undo").click().run()
    healthy(at)
    assert store.open_run(run.id).problem == ""
    assert "runs-deleted" not in at.session_state


def test_a_deletion_that_is_refused_is_a_sentence(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(runs_root)

    def refuse(run_id: str) -> None:
        raise store.BadRequest(f"{run_id} is running; stop it before you delete it.")

    monkeypatch.setattr(store, "delete", refuse)
    at = opened("runs")
    at.button(key=f"delete-{run.id}").click().run()
    at.button(key="delete-yes").click().run()
    healthy(at)
    assert "stop it before you delete it" in at.error[0].value


def test_stop_and_resume_from_the_list(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(launcher, "stop", lambda run_id: asked.append(("stop", run_id)))
    monkeypatch.setattr(launcher, "resume", lambda run_id, root: asked.append(("resume", run_id)))
    halted = write_run(runs_root, "stopped", epochs_done=2)
    writer = write_run(runs_root, "running", epochs_done=2, hold=True)
    try:
        at = opened("runs")
        at.button(key=f"stop-{writer.id}").click().run()
        at.button(key=f"resume-{halted.id}").click().run()
    finally:
        writer.close()
    healthy(at)
    assert asked == [("stop", writer.id), ("resume", halted.id)]


def test_records_leave_as_csv(runs_root: Path) -> None:
    run = write_run(runs_root)
    lines = run_details.records_csv(run).decode().splitlines()
    assert len(lines) == 13
    header = lines[0].split(",")
    assert {"epoch", "nll", "loss", "kept_input", "kept_dense1", "kept_dense2"} <= set(header)


def test_a_long_list_is_folded(runs_root: Path) -> None:
    for seed in range(14):
        write_run(runs_root, seed=seed, epochs_done=0)
    at = healthy(opened("runs"))
    assert len(at.checkbox) == 12
    at.toggle(key="runs-all").set_value(True).run()
    assert len(healthy(at).checkbox) == 14


def test_many_recordings_are_folded_with_those_of_presets_first(no_recordings: Path) -> None:
    for seed in range(8):
        write_run(no_recordings, seed=seed, preset="table-1-ssl", method="ssl", epochs=1)
    typical = write_run(no_recordings, epochs=2)
    at = healthy(opened("runs"))
    assert len(at.checkbox) == 6
    assert at.checkbox[0].key == f"tick-{typical.id}"
    assert "LeNet-500-300 on digits, SSL" in texts(at)
    at.toggle(key="runs-recorded").set_value(True).run()
    assert len(healthy(at).checkbox) == 9


def test_a_corrupt_run_is_a_row_that_says_so(runs_root: Path) -> None:
    run = write_run(runs_root)
    (run.folder / "config.json").write_text("{")
    at = healthy(opened("runs"))
    assert "config.json" in texts(at)


def test_a_list_of_runs_in_a_bucket_says_where_they_are_and_when_it_may_be_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("SBP_RUNS", f"file://{tmp_path}/bucket")
    said = texts(healthy(opened("runs")))
    assert f"Your runs are in {md(f'file://{tmp_path}/bucket')}" in said
    assert "may be old" not in said
    monkeypatch.setenv("SBP_RUNS", "nosuch://bucket/runs")
    assert "The list may be old" in texts(healthy(opened("runs")))
