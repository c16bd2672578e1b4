"""Does the survivor need its weights? The compact architecture trained from scratch for as many epochs. No torch."""

from __future__ import annotations

from sbp.experiments.questions.question import Answer, Figure, Question, half_width, recorded_rows, stands_on
from sbp.viz import labels

NETWORKS = ("lenet-500-300", "lenet-5-caffe")


def answer() -> Answer:
    """SBP beside a network of its widths that never had more units."""
    pruned = [*(recorded_rows("table-1", network, "sbp")[0] for network in NETWORKS)]
    scratch = [*(recorded_rows("scratch", network, "scratch")[0] for network in NETWORKS)]
    lines = [
        {
            "network": labels.NETWORK[row.network],
            "trained": row.label,
            "kMACs": round(row.mean_of("macs") / 1000, 1),
            "test error, %": round(row.mean, 2),
            "95 %, ±": half_width(row),
            "n": row.n,
        }
        for pair in zip(pruned, scratch, strict=True)
        for row in pair
    ]
    points = [{**line, "of": f"{line['network']}, {line['trained']}"} for line in lines]
    errors = [f"{b.mean:.2f} against {a.mean:.2f} %" for a, b in zip(pruned, scratch, strict=True)]
    worse = [b.mean > a.mean for a, b in zip(pruned, scratch, strict=True)]
    said = "Yes" if all(worse) else "It depends" if any(worse) else "No"
    return Answer(
        lines,
        Figure("points", "kMACs", "test error, %", "of", log="x", lines=points),
        (
            f"{said}: from scratch, with the widths that SBP keeps, the test error is {errors[0]} on LeNet-500-300 and "
            f"{errors[1]} on LeNet-5-Caffe.",
            "Pixels and single features cannot be left out of a network by its widths, so the one trained from scratch "
            "reads all of them and has more MACs.",
        ),
        stands_on([*pruned, *scratch], "Table 1 and the experiment scratch, MNIST"),
    )


QUESTION = Question("scratch", "Does the survivor need its weights?", answer, "the experiment scratch")
