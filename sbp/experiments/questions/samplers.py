"""One theta an example, a minibatch or an element? A run can ask for the first alone. No torch."""

from __future__ import annotations

from sbp.experiments.questions.question import Question

QUESTION = Question(
    "samplers", "Does it matter for what theta is sampled?", None, "a setting for one theta a minibatch or an element"
)
