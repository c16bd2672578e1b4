"""Questions that a reader of the paper asks, each a file of its own, and the recordings that answer it. No torch."""

from __future__ import annotations

from sbp.experiments.questions import (
    bounds,
    calibration,
    fashion,
    kept_set,
    partial_labels,
    prior,
    revivals,
    samplers,
    scratch,
    verdict,
)
from sbp.experiments.questions.question import Question

NAME = "questions"  # as `python -m sbp reproduce` has it

QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        scratch.QUESTION,
        calibration.QUESTION,
        kept_set.QUESTION,
        verdict.QUESTION,
        partial_labels.QUESTION,
        samplers.QUESTION,
        bounds.QUESTION,
        prior.QUESTION,
        revivals.QUESTION,
        fashion.QUESTION,
    )
}
