"""One theta an example, a minibatch or an element? How far the gradient varies, and what is kept. No torch."""

from __future__ import annotations

from typing import Any

from sbp.experiments.questions.question import Answer, Figure, Question, Sources, stored
from sbp.experiments.results import NoResults, Row, recorded
from sbp.runs import store
from sbp.spec.noise import EXAMPLE, MINIBATCH
from sbp.viz import labels

RECORDINGS = ("lenet-500-300-paper", "lenet-5-caffe-paper")


def measure(sources: Sources) -> dict[str, Any]:
    """The variance of the gradient of each recorded run of preset paper, at its end."""
    views = [store.find_run(name).sound() for name in RECORDINGS]
    return {
        "runs": [
            {"network": view.config.network.name, "seed": view.config.seed} | sources.gradients(view) for view in views
        ]
    }


def answer() -> Answer:
    """Variance of the gradient by sampler, and the units and errors of the runs that were trained with it."""
    runs, trained = stored("samplers")["runs"], _trained()
    lines = []
    for run in runs:
        for theta_per, found in run["samplers"].items():
            row = trained.get((run["network"], theta_per))
            lines.append(
                {
                    "network": labels.NETWORK[run["network"]],
                    "one theta for each": theta_per,
                    "variance, mu and log sigma": _short(found["noise"]),
                    "variance, weights": _short(found["weights"]),
                    "norm of the mean, weights": _short(found["weights_norm"]),
                    "units kept": labels.widths(row.shown.kept) if row and row.shown else "not trained",
                    "test error, %": f"{_error(row)} (n = {row.n})" if row else "not trained",
                }
            )
    variances = [[run["samplers"][by]["weights"] for by in (MINIBATCH, EXAMPLE)] for run in runs]
    ratios = [f"{shared / own:.2g}" for shared, own in variances]
    seeds = sorted({run.seed for row in trained.values() for run in row.runs})
    hardware = "; ".join(dict.fromkeys(row.hardware for row in trained.values()))
    return Answer(
        lines,
        Figure("bars", "network", "variance, weights", "one theta for each"),
        (
            f"With one theta a minibatch of {runs[0]['batch']} the gradient in the weights has {labels.join(ratios)} "
            f"times the variance that it has with one an example, at the end of training "
            f"({labels.join([labels.NETWORK[run['network']] for run in runs])}).",
            _who_dies(trained),
        ),
        f"n = {runs[0]['draws']} gradients on one minibatch at the end of the recorded run, seed {runs[0]['seed']}, "
        f"{runs[0]['hardware']}"
        + (f"; trained: seeds {labels.join([str(seed) for seed in seeds])}, {hardware}" if trained else "")
        + "; MNIST.",
    )


def _who_dies(trained: dict[tuple[str, str], Row]) -> str:
    if not trained:
        return "Which units each of them prunes is not measured yet."
    said = []
    for network in dict.fromkeys(network for network, _ in trained):
        rows = {by: row for (of, by), row in trained.items() if of == network}
        errors = [_error(row) for row in rows.values()]
        kilo = [labels.kilo_macs(row.mean_of("macs")) for row in rows.values()]
        said.append(
            f"{labels.NETWORK[network]}, trained with one for each {labels.join(list(rows))}, ends at "
            f"{labels.join(errors)} % with {labels.join(kilo)} kMACs."
        )
    return " ".join(said)


def _error(row: Row) -> str:
    """Its mean test error with the 95 % interval of that."""
    return labels.estimate(row.mean, row.half_width_of("test_error_percent"), None, 2)


def _trained() -> dict[tuple[str, str], Row]:
    """The rows of the experiment samplers by network and by what theta was drawn for; none where it was not run."""
    try:
        rows = [row for row in recorded("samplers").rows if row.n]
    except NoResults:
        return {}
    return {(row.network, str(row.runs[0].config["theta_per"])): row for row in rows}


def _short(value: float) -> float:
    """Three digits of it."""
    return float(f"{value:.3g}")


QUESTION = Question(
    "samplers",
    "Does it matter for what theta is sampled?",
    answer,
    "the gradients of recorded weights, and the experiment samplers",
    measure,
)
