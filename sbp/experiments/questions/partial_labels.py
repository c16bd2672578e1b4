"""What do units do when a share of the labels is random? SBP beside dropout at four shares. No torch."""

from __future__ import annotations

from sbp.experiments.questions.question import Answer, Figure, Question, recorded_rows, stands_on
from sbp.viz import labels

SHARES = (20, 40, 60, 80)
METHODS = {"sbp": "SBP", "dropout": "Binary dropout"}


def answer() -> Answer:
    """Units, training and test accuracy at each share of random labels."""
    rows = recorded_rows("partial-labels", "lenet-500-300", *(f"{it}-{share}" for it in METHODS for share in SHARES))
    lines = [
        {
            "method": METHODS[row.key.partition("-")[0]],
            "random labels, %": int(row.key.partition("-")[2]),
            "units kept": labels.widths(row.runs[0].kept),
            "training error, %": round(sum(run.last["train_error_percent"] for run in row.runs) / row.n, 2),
            "test error, %": round(row.mean, 2),
            "n": row.n,
        }
        for row in rows
    ]
    sbp, dropout = lines[: len(SHARES)], lines[len(SHARES) :]
    return Answer(
        lines,
        Figure("lines", "random labels, %", "test error, %", "method"),
        (
            f"At {SHARES[-1]} % random labels SBP ends at {sbp[-1]['test error, %']} % test error with "
            f"{sbp[-1]['units kept']} units, dropout at {dropout[-1]['test error, %']} %.",
            f"On the training images, noisy labels among them, they are at {sbp[-1]['training error, %']} and "
            f"{dropout[-1]['training error, %']} %.",
        ),
        stands_on(rows, "the experiment partial-labels, MNIST"),
    )


QUESTION = Question(
    "partial-labels", "What if a share of the labels is random?", answer, "the experiment partial-labels"
)
