"""Which bound gives the paper's 3–18–284–283? The units that LeNet-5-Caffe keeps under each KL weighting. No torch."""

from __future__ import annotations

import statistics

from sbp.experiments.questions.question import Answer, Figure, Question, recorded_rows, stands_on
from sbp.reference.paper import rows_of
from sbp.spec.networks import SPECS
from sbp.viz import labels

NETWORK = "lenet-5-caffe"
KEYS = ("sbp-plain", "sbp-frontier-1", "sbp", "sbp-frontier-2", "sbp-small")
PAPER = "the paper’s"


def answer() -> Answer:
    """Mean units by group under each KL weighting, beside the paper's."""
    rows = recorded_rows("table-1", NETWORK, *KEYS)
    (paper,) = (row for row in rows_of(NETWORK) if row.method == "SBP")
    groups = [group.name for group in SPECS[NETWORK].groups]
    kept = {f"KL weights {_weights(row.runs[0].kl_weights)}": _mean([run.kept for run in row.runs]) for row in rows}
    kept[PAPER] = [float(count) for count in paper.kept]
    error = dict(zip(kept, [*(row.mean for row in rows), paper.error_percent], strict=True))
    macs = dict(zip(kept, [*(row.mean_of("macs") for row in rows), float(paper.macs)], strict=True))
    plain, *_, small, _ = kept.values()
    features, neurons = (max(counts[place] for counts in list(kept.values())[:-1]) for place in (2, 3))
    return Answer(
        [
            {
                "bound": name,
                "units kept, mean": _widths(counts),
                "test error, %": round(error[name], 2),
                "kMACs": labels.kilo_macs(macs[name]),
            }
            for name, counts in kept.items()
        ],
        Figure(
            "lines",
            "group",
            "units kept (log)",
            "bound",
            log="y",
            lines=[
                {"group": group, "units kept (log)": count, "bound": name}
                for name, counts in kept.items()
                for group, count in zip(groups, counts, strict=True)
            ],
        ),
        (
            f"Not the plain one: it keeps {plain[0]:.0f} of 20 channels in the first convolution, where the paper has "
            f"{paper.kept[0]}, and it takes KL weights of 100 and more there to come down to {paper.kept[0]}.",
            f"None that was tried has its dense layers: ours keep at most {features:.0f} features and "
            f"{neurons:.0f} neurons on average against {paper.kept[2]} and {paper.kept[3]}; the smallest, "
            f"{_widths(small)}, is nearest in the convolutions.",
        ),
        stands_on(rows, "Table 1, MNIST"),
    )


def _mean(kept: list[tuple[int, ...]]) -> list[float]:
    return [statistics.fmean(counts) for counts in zip(*kept, strict=True)]


def _widths(kept: list[float]) -> str:
    return "–".join(f"{count:.0f}" for count in kept)


def _weights(weights: tuple[float, ...]) -> str:
    return ", ".join(f"{weight:g}" for weight in weights)


QUESTION = Question("bounds", "Which bound gives 3–18–284–283?", answer, "LeNet-5-Caffe’s rows of Table 1")
