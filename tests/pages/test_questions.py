"""Page Questions: each recorded answer with its figure and what it stands on; a sentence where nothing is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sbp.experiments import results
from sbp.experiments.questions import QUESTIONS
from tests.pages.opened import healthy, opened, texts


def test_every_answer_has_its_figure() -> None:
    at = healthy(opened("questions"))
    answers = {name: answer for name, question in QUESTIONS.items() if (answer := question.answered)}
    assert len(answers) >= 7
    assert {title.value for title in at.subheader} == {QUESTIONS[name].title for name in answers}
    charts = at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")
    said = texts(at)
    assert {json.loads(chart.proto.spec)["description"] for chart in charts} == {
        answer.sentences[1] for answer in answers.values()
    }
    assert all(answer.sentences[0] in said and answer.stands_on in said for answer in answers.values())
    assert not any(question.title in said for name, question in QUESTIONS.items() if name not in answers)


def test_without_results_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "results_root", lambda: tmp_path)
    assert "python -m sbp reproduce questions --record" in texts(healthy(opened("questions")))
