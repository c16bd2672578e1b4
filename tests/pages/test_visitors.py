"""Visitors watch: no button of theirs changes anything, and the verbs behind the buttons refuse on the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from pages.pixels import gradients
from pages.runs import rows
from pages.shared import measurement_button, new_run, visitors
from pages.train import live
from pages.your_network import noise_files
from sbp.runs import launcher, measuring, noise_file, store
from sbp.runs.limits import FILE
from sbp.runs.store import BadRequest
from sbp.spec import ConfigError
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, texts
from tests.runs.made import TINY

OWNER = "ada@example.org"


@pytest.fixture(params=["read_only = true", "read_only = 1"], ids=["read-only", "unreadable"])
def forbidden(runs_root: Path, request: pytest.FixtureRequest) -> Path:
    """The folder of the runs; its file makes visitors of all, or says nothing that can be read."""
    runs_root.mkdir()
    (runs_root / FILE).write_text(request.param)
    return runs_root


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs that were carried out after all."""
    carried_out: list[str] = []
    for room, name in (
        (launcher, "start"),
        (launcher, "stop"),
        (launcher, "resume"),
        (launcher, "spawn_command"),
        (store, "delete"),
        (store, "undelete"),
        (measuring, "start"),
        (noise_file, "open_as_run"),
    ):
        monkeypatch.setattr(room, name, lambda *_, name=name, **__: carried_out.append(name))
    return carried_out


def run_of(root: Path, state: str) -> Any:
    """A made-up run, written before anything was forbidden."""
    rules = (root / FILE).read_text()
    (root / FILE).unlink()
    run = write_run(root, state, epochs_done=3 if state == "stopped" else None)
    (root / FILE).write_text(rules)
    return run


def test_no_run_can_be_started_stopped_resumed_or_deleted(forbidden: Path) -> None:
    run = run_of(forbidden, "stopped")
    at = healthy(opened("train", run=run.id))
    assert at.button(key="resume").disabled
    at = healthy(opened("runs"))
    assert not {"Stop", "Resume", "Delete"} & set(labels(at))
    assert FILE in texts(at) or visitors.READ_ONLY in texts(at)
    run.folder.rename(forbidden.parent / "gone")
    at = healthy(opened("train"))
    started = [button for button in at.button if button.label == "Start"]
    assert started
    assert all(button.disabled for button in started)
    at.button(key="all-page").click().run()
    assert at.button(key="start-form-page").disabled


def test_nothing_can_be_measured(forbidden: Path) -> None:
    run = run_of(forbidden, "finished")
    (run.folder / "result.json").write_text('{"kept": [300, 40, 20]}')
    at = healthy(opened("threshold", run=run.id))
    assert at.button(key="measure-speed").disabled


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (lambda run: new_run.start(TINY), "start-said"),
        (lambda run: live._ask(launcher.stop, run), live.REFUSED),
        (lambda run: live._ask(launcher.resume, run), live.REFUSED),
        (lambda run: rows._do(store.delete, run), "runs-said"),
        (lambda run: rows._do(store.undelete, run), "runs-said"),
        (lambda run: measurement_button._start("speed", run), ""),
        (lambda run: gradients._start(run), ""),
        (lambda run: noise_files.opened(b""), ""),
    ],
    ids=["start", "stop", "resume", "delete", "undelete", "measure", "gradients", "open"],
)
def test_a_browser_that_presses_a_button_all_the_same_is_refused(
    forbidden: Path,
    done: list[str],
    verb: Callable[[str], None],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", session)
    verb(run_of(forbidden, "finished").id)
    assert done == []
    assert not said or session[said], "and the page says why"


def test_those_who_may_do_all_of_it(runs_root: Path, done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    run = write_run(runs_root)
    live._ask(launcher.resume, run.id)
    rows._do(store.delete, run.id)
    gradients._start(run.id)
    assert done == ["resume", "delete", "spawn_command"]


@pytest.mark.parametrize(
    ("user", "may"),
    [
        ({"is_logged_in": True, "email": "Ada@Example.org"}, True),
        ({"is_logged_in": True, "email": OWNER, "email_verified": True}, True),
        ({"is_logged_in": True, "email": OWNER, "email_verified": False}, False),
        ({"is_logged_in": False, "email": OWNER}, False),
        ({"email": OWNER}, False),
        ({"is_logged_in": True, "email": "eve@example.org"}, False),
        ({"is_logged_in": True}, False),
        ({}, False),
    ],
)
def test_an_owner_who_has_signed_in_is_no_visitor(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any], may: bool
) -> None:
    runs_root.mkdir()
    (runs_root / FILE).write_text(f'read_only = true\nowners = ["{OWNER}"]')
    monkeypatch.setattr(type(st.user), "to_dict", lambda self: user)
    assert (visitors.refusal() == "") is may
    if not may:
        with pytest.raises(BadRequest):
            visitors.check()


def test_without_a_file_everybody_may(runs_root: Path) -> None:
    assert visitors.refusal() == ""
    assert "Sign in" not in labels(healthy(opened("runs")))


def test_the_form_and_the_cards_say_what_is_too_large(runs_root: Path) -> None:
    at = opened("train")
    at.button(key="all-page").click().run()
    at.text_input(key="form-page-widths").set_value("200000, 300").run()
    assert any("200,000" in error.value for error in at.error)
    assert at.button(key="start-form-page").disabled
    runs_root.mkdir(exist_ok=True)
    (runs_root / FILE).write_text("epochs = 1")
    at = healthy(opened("train"))
    assert all(button.disabled for button in at.button if button.label == "Start")
    with pytest.raises(ConfigError):
        launcher.start(TINY)
