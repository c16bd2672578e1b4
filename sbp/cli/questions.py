"""python -m sbp reproduce questions: what is recorded in answer to questions that readers of the paper ask."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import typer
from rich.table import Table as Printed

from sbp.cli.errors import BadInput
from sbp.cli.output import PLAIN, print_json, stderr, stdout
from sbp.experiments import questions
from sbp.experiments.questions.question import Answer, Question, Sources, store
from sbp.runs.files import replace_bytes


def reproduce(
    only: list[str],
    from_recordings: bool,
    dry_run: bool,
    record: bool,
    runs: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Prints the answers, lists the questions, or measures and records what needs no training."""
    chosen = _chosen(only)
    if dry_run:
        for question in chosen:
            state = "recorded" if question.answered else "not measured yet"
            typer.echo(f"{question.name}: {question.title} {state}, from {question.needs}")
        return
    if record:
        _record(chosen, runs)
    elif not from_recordings:
        raise BadInput("questions: expected --from-recordings, --dry-run or --record, got none of them.")
    answers = {question.name: answer for question in chosen if (answer := question.answered)}
    missing = [question.name for question in chosen if question.name not in answers]
    if as_json:
        found = {name: dataclasses.asdict(answer) for name, answer in answers.items()}
        print_json({"answers": found, "not_measured": missing})
    else:
        for name, answer in answers.items():
            _print(questions.QUESTIONS[name], answer)
        if missing:
            typer.echo(f"Not measured yet: {', '.join(missing)}.")
    if out is not None:
        _write(out, answers)


def _chosen(only: list[str]) -> list[Question]:
    for name in only:
        if name not in questions.QUESTIONS:
            raise BadInput(f"--only: expected one of {', '.join(questions.QUESTIONS)}, got {name!r}.")
    return [question for name, question in questions.QUESTIONS.items() if not only or name in only]


def _record(chosen: list[Question], runs: Path | None) -> None:
    from sbp.evaluation.calibration import calibration, held_out_errors  # torch, which recorded answers do without
    from sbp.evaluation.gradients import by_sampler

    sources = Sources(runs, calibration, held_out_errors, by_sampler)
    for question in chosen:
        if question.measure is not None:
            with stderr().status(f"Measuring {question.name}"):
                path = store(question.name, question.measure(sources))
            stderr().print(f"Recorded {path}.", soft_wrap=True, markup=False)


def _print(question: Question, answer: Answer) -> None:
    typer.echo(question.title)
    printed = Printed(*answer.lines[0], **PLAIN)
    for line in answer.texts:
        printed.add_row(*line.values())
    stdout().print(printed)
    typer.echo("\n".join([*answer.sentences, answer.stands_on, ""]))


def _write(out: Path, answers: Mapping[str, Answer]) -> None:
    """A Markdown file of all answers, and each one's figure as numbers."""
    out.mkdir(parents=True, exist_ok=True)
    text = []
    for name, answer in answers.items():
        rows = [list(answer.lines[0]), ["---"] * len(answer.lines[0]), *(line.values() for line in answer.texts)]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        text.append(
            "\n\n".join([f"## {questions.QUESTIONS[name].title}", table, *answer.sentences, f"*{answer.stands_on}*"])
        )
        drawn = json.dumps([*(answer.figure.lines or answer.lines)], indent=1)
        replace_bytes(out / f"{name}.json", drawn.encode())
    replace_bytes(out / f"{questions.NAME}.md", ("\n\n".join(text) + "\n").encode())
    stderr().print(f"Written to {out}: {questions.NAME}.md and the numbers of {len(answers)} figures.", soft_wrap=True)
