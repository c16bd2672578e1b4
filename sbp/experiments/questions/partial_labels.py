"""What do units do when a share of the labels is random? SBP beside dropout at four shares. No torch."""

from __future__ import annotations

from itertools import product

from sbp.experiments.questions.question import Answer, Figure, Question, half_width, recorded_rows, stands_on
from sbp.viz import labels

SHARES = (20, 40, 60, 80)
METHODS = {"sbp": "SBP", "dropout": "Binary dropout"}
WRONG = 0.9  # of random labels: one of ten is right by chance


def answer() -> Answer:
    """Units, training and test error at each share of random labels."""
    cases = list(product(METHODS, SHARES))
    rows = recorded_rows("partial-labels", "lenet-500-300", *(f"{method}-{share}" for method, share in cases))
    lines = [
        {
            "method": METHODS[method],
            "random labels, %": share,
            "wrong labels, %": round(WRONG * share),
            "units kept": labels.widths(row.runs[0].kept),
            "training error, %": round(sum(run.last["train_error_percent"] for run in row.runs) / row.n, 1),
            "test error, %": round(row.mean, 2),
            "95 %, ±": half_width(row),
            "n": row.n,
        }
        for (method, share), row in zip(cases, rows, strict=True)
    ]
    sbp, dropout = lines[: len(SHARES)], lines[len(SHARES) :]
    errors = [f"{a['test error, %']} against {b['test error, %']} %" for a, b in zip(sbp, dropout, strict=True)]
    learned = [max(0.0, *(it["wrong labels, %"] - it["training error, %"] for it in side)) for side in (sbp, dropout)]
    return Answer(
        lines,
        Figure("lines", "random labels, %", "test error, %", "method"),
        (
            f"The test error of SBP against that of dropout is {errors[0]} with {SHARES[0]} % random labels and "
            f"{errors[-1]} with {SHARES[-1]} %.",
            "Nine random labels of ten are wrong, and a training error below their share is memorised: "
            f"by SBP up to {learned[0]:.1f} points, by dropout up to {learned[1]:.1f}.",
        ),
        stands_on(rows, "the experiment partial-labels, LeNet-500-300 on MNIST, plain bound"),
    )


QUESTION = Question(
    "partial-labels", "What if a share of the labels is random?", answer, "the experiment partial-labels"
)
