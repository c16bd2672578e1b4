"""What does the improper prior do as a goes to minus infinity? Error and kept units by the interval's end. No torch."""

from __future__ import annotations

from typing import Any

from sbp.distributions import moments
from sbp.experiments import results
from sbp.experiments.questions.question import Answer, Figure, Question, recorded_rows, stands_on
from sbp.experiments.results import Row
from sbp.viz import labels

NETWORK = "lenet-500-300"
KEYS = ("a5", "a10", "a20", "a40")


def answer() -> Answer:
    """What is left and what it gets wrong, by a."""
    rows = [*recorded_rows("interval", NETWORK, *KEYS), *_further()]
    lines: list[dict[str, Any]] = [
        {
            "a": float(row.runs[0].config["log_low"]),
            "the prior’s SNR": round(moments.prior_snr(row.runs[0].config["log_low"], 0.0), 3),
            "units kept": round(sum(sum(run.kept) for run in row.runs) / row.n, 1),
            "kMACs": labels.kilo_macs(row.mean_of("macs")),
            "test error, %": round(row.mean, 2),
            "n": row.n,
        }
        for row in rows
    ]
    best, worst = (choose(lines, key=lambda line: line["test error, %"]) for choose in (min, max))
    high, low = (labels.signed(line["a"]) for line in (lines[0], lines[-1]))
    floor = (lines[0]["the prior’s SNR"], lines[-1]["the prior’s SNR"])
    kept = [line["units kept"] for line in lines]
    return Answer(
        lines,
        Figure(
            "lines", "a", "test error, %", "network", lines=[{**line, "network": "LeNet-500-300"} for line in lines]
        ),
        (
            f"Nothing down to a = {low}: from {high} on, {min(kept):.0f} to {max(kept):.0f} of 1,584 units are kept "
            f"while the prior’s own SNR falls from {floor[0]:.2f} to {floor[1]:.2f}.",
            f"The error shows no harm either: {worst['test error, %']:.2f} % at a = {labels.signed(worst['a'])} is the "
            f"highest and {best['test error, %']:.2f} % at {labels.signed(best['a'])} the lowest.",
        ),
        stands_on(rows, "the experiment interval, MNIST, plain bound"),
    )


def _further() -> list[Row]:
    """The row of a = -80, where it has been run."""
    return [row for row in results.recorded("interval").of(NETWORK) if row.key == "a80" and row.n]


QUESTION = Question("prior", "What does the improper prior do as a falls?", answer, "the experiment interval")
