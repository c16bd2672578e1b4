"""The format of a run's folder: its version is written, and a later one is named where it cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp import __version__
from sbp.runs import launcher, store
from sbp.runs.filenames import FORMAT
from sbp.runs.names import BadRequest
from tests.made_up import write_run


def change(run: Any, file: str, **values: Any) -> store.RunView:
    path = run.folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    return store.open_run(run.id)


def test_a_new_run_says_its_format_and_who_wrote_it(runs_root: Path) -> None:
    meta = write_run(runs_root, epochs=2).meta
    assert (meta["format"], meta["sbp"]) == (FORMAT, __version__)


def test_one_of_before_says_neither_and_is_read(runs_root: Path) -> None:
    run = write_run(runs_root, epochs=2)
    meta = {name: value for name, value in run.meta.items() if name not in ("format", "sbp")}
    (run.folder / "meta.json").write_text(json.dumps(meta))
    view = store.open_run(run.id)
    assert (view.problem, view.newer) == ("", "")
    assert len(view.records()) == 2


def test_a_later_one_is_shown_as_far_as_it_can_be_read(runs_root: Path) -> None:
    run = write_run(runs_root, "stopped", epochs=4, epochs_done=2)
    view = change(run, "meta.json", format=FORMAT + 1, sbp="9.9", colour="red")
    assert view.problem == ""
    assert len(view.records()) == 2
    with pytest.raises(BadRequest, match=r"written by sbp 9\.9 in format 2"):
        launcher.resume(view.id)


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"colour": "red"}),
        ("config.json", {"network": "resnet-500"}),
        ("status.json", {"state": "dreaming"}),
        ("meta.json", {"created": "yesterday"}),
    ],
)
def test_what_cannot_be_read_of_a_later_one_names_its_version(file: str, values: Any, runs_root: Path) -> None:
    run = write_run(runs_root, epochs=2)
    assert "9.9" not in change(run, file, **values).problem
    view = change(run, "meta.json", format=FORMAT + 1, sbp="9.9")
    assert "written by sbp 9.9 in format 2" in view.problem
    assert file in view.problem
