"""Pages that follow one run: it stays the run that is shown from its first second on, also before it has pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.shared import standing
from sbp.runs import store
from sbp.spec import RunConfig
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts

ABOUT_NOISE = ("channels", "pixels", "threshold")


@pytest.mark.parametrize("page", ABOUT_NOISE)
@pytest.mark.parametrize("asked", ["link", "session", "nobody"])
def test_a_queued_run_is_the_one_that_is_shown(recorded: str, runs_root: Path, page: str, asked: str) -> None:
    writer = store.create(RunConfig.flat(dataset="digits"), runs_root)
    try:
        at = opened(page, **({"run": writer.id} if asked == "link" else {}))
        if asked == "session":
            del at.query_params["run"]
            at.session_state["run-shown"] = writer.id
            at.run()
    finally:
        writer.close()
    assert not healthy(at).warning
    assert at.query_params["run"] in (writer.id, [writer.id])
    assert "The first picture comes" in texts(at)
    assert "Queued" in at.get("progress")[0].proto.text


@pytest.mark.parametrize("page", ABOUT_NOISE)
def test_its_pictures_replace_the_wait_as_they_come(recorded: str, runs_root: Path, page: str) -> None:
    writer = write_run(runs_root, "running", epochs_done=0, hold=True)
    try:
        at = healthy(opened(page, run=writer.id))
        assert "The first picture comes" in texts(at)
        other = write_run(runs_root, "running", epochs_done=1, hold=True, seed=5)
        other.close()
        for name in ("noise.f32", "records.jsonl"):
            (writer.path / name).write_bytes((other.path / name).read_bytes())
        healthy(at.run())
    finally:
        writer.close()
    assert "The first picture comes" not in texts(at)
    assert at.query_params["run"] in (writer.id, [writer.id])
    if page == "channels":
        assert played(at, "channels")["film"]["epochs"] == [0, 1]


def test_the_wait_is_counted_in_the_steps_to_the_first_epoch_with_noise(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=1, hold=True, epochs=8, pretrain_epochs=4)
    try:
        # 12 of 96 steps took 1.5 s; an epoch is 8 of them, and the fifth is the first with noise.
        said = standing.first_picture(store.open_run(writer.id))
    finally:
        writer.close()
    assert "about 4 s" in said
    assert "after 4 without noise" in said


def test_a_run_says_on_which_machine_it_lives(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=1, hold=True)
    try:
        assert standing.lives(store.open_run(writer.id)) == "on this machine"
        writer.write_status("running", machine="gpu[box]")
        assert standing.lives(store.open_run(writer.id)) == "on gpu\\[box\\]"
    finally:
        writer.close()


def test_a_run_that_ended_before_its_first_epoch_is_told_of(recorded: str, runs_root: Path) -> None:
    run = write_run(runs_root, "failed", epochs_done=0)
    at = healthy(opened("channels", run=run.id))
    assert "ended before its first epoch" in at.warning[0].value
    assert at.query_params["run"] == recorded
