"""python -m sbp reproduce questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sbp.cli import app
from sbp.experiments import results
from sbp.experiments.questions import QUESTIONS


def reproduce(*words: str) -> Result:
    return CliRunner().invoke(app, ["reproduce", "questions", *words])


def test_recorded_answers_are_printed_and_the_others_named() -> None:
    said = reproduce("--from-recordings")
    assert said.exit_code == 0
    assert QUESTIONS["kept-set"].title in said.stdout
    if missing := [name for name, question in QUESTIONS.items() if not question.answered]:
        assert said.stdout.splitlines()[-1] == f"Not measured yet: {', '.join(missing)}."


def test_json_holds_numbers() -> None:
    found = json.loads(reproduce("--from-recordings", "--only", "bounds", "--json").stdout)
    assert found["not_measured"] == []
    assert found["answers"]["bounds"]["lines"][-1]["units kept, mean"] == "3–18–284–283"


def test_a_dry_run_lists_every_question() -> None:
    lines = reproduce("--dry-run").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(QUESTIONS)
    for line, question in zip(lines, QUESTIONS.values(), strict=True):
        assert ("recorded" if question.answered else "not measured yet") in line


def test_answers_are_written(tmp_path: Path) -> None:
    words = ("--from-recordings", "--only", "kept-set", "--only", "bounds")
    assert reproduce(*words, "--out", str(tmp_path)).exit_code == 0
    assert len(json.loads((tmp_path / "kept-set.json").read_text(encoding="utf-8"))) == 784
    assert "| Jaccard |" in (tmp_path / "questions.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--from-recordings"),
        (("--from-recordings", "--only", "nope"), "'nope'"),
        (("--only", "kept-set", "--record"), "--runs"),
    ],
)
def test_what_is_missing_is_named(
    words: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "results_root", lambda: tmp_path)
    said = reproduce(*words)
    assert said.exit_code == 2 or said.exit_code == 1
    assert named in said.stderr
    assert not list(tmp_path.rglob("*.json"))
