"""Does it hold on data it was not tuned for? Fashion-MNIST with the recipes of MNIST untouched. No torch."""

from __future__ import annotations

from sbp.experiments.questions.question import Answer, Figure, Question, half_width, recorded_rows, stands_on
from sbp.experiments.results import Row
from sbp.viz import labels

NETWORKS = ("lenet-500-300", "lenet-5-caffe")
# At equal MACs.
PRUNERS = ("magnitude-fashion", "taylor-fashion", "group-norm-fashion")


def answer() -> Answer:
    """SBP on both data sets, and the pruners that keep as many MACs on Fashion-MNIST."""
    of = {network: recorded_rows("torch-pruning", network, "sbp", "sbp-fashion", *PRUNERS) for network in NETWORKS}
    rows, lines = [row for found in of.values() for row in found], []
    for network, found in of.items():
        lines += [
            {
                "network": labels.NETWORK[network],
                "data": labels.DATASET[row.dataset],
                "method": row.label,
                "kMACs": round(row.mean_of("macs") / 1000, 1),
                "reduction": round(row.mean_of("macs_reduction"), 2),
                "test error, %": round(row.mean, 2),
                "95 %, ±": half_width(row),
                "n": row.n,
            }
            for row in found
        ]
    dense, conv = of.values()
    best = [min(found[1:], key=lambda row: row.mean).label for found in of.values()]
    lowest = f"{best[0]} has the lowest error on " + (
        "both networks" if best[0] == best[1] else f"LeNet-500-300, {best[1]} on LeNet-5-Caffe"
    )
    fashion = [line for line in lines if line["data"] == labels.DATASET["fashion-mnist"]]
    return Answer(
        lines,
        Figure("points", "kMACs", "test error, %", "method", log="x", lines=fashion),
        (
            f"It prunes, but less: LeNet-500-300 to {_fewer(dense[1])}x fewer MACs ({_fewer(dense[0])}x on MNIST), "
            f"LeNet-5-Caffe to {_fewer(conv[1])}x ({_fewer(conv[0])}x).",
            f"Its errors are {dense[1].mean:.2f} and {conv[1].mean:.2f} %. Of the methods with as many MACs {lowest}; "
            "the points on the left are LeNet-500-300’s.",
        ),
        stands_on(rows, "the experiment torch-pruning"),
    )


def _fewer(row: Row) -> str:
    return f"{row.mean_of('macs_reduction'):.1f}"


QUESTION = Question(
    "fashion", "Does it hold on data it was not tuned for?", answer, "the experiment torch-pruning, on Fashion-MNIST"
)
