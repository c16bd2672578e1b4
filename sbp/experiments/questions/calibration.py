"""Is it calibrated? NLL, ECE and Brier score of a run's networks and of an ensemble of sampled thetas. No torch."""

from __future__ import annotations

from typing import Any

from sbp.experiments.questions.question import Answer, Figure, Question, Sources, stored
from sbp.runs import store
from sbp.viz import labels

RECORDINGS = (
    "lenet-500-300-paper",
    "lenet-5-caffe-paper",
    "table-1-lenet-500-300-sbp",
    "table-1-lenet-5-caffe-sbp",
)


def measure(sources: Sources) -> dict[str, Any]:
    """The scores of each recorded run that has weights."""
    views = [store.find_run(name).sound() for name in RECORDINGS]
    about = [{"run": view.id, "network": view.config.network.name, "seed": view.config.seed} for view in views]
    return {"runs": [it | sources.calibration(view) for it, view in zip(about, views, strict=True)]}


def answer() -> Answer:
    """The scores of each network of each run."""
    runs = stored("calibration")["runs"]
    lines = [
        {
            "run": run["run"],
            "network": name,
            "test error, %": round(scores["error_percent"], 2),
            "NLL, nats": round(scores["nll"], 4),
            "ECE, %": round(scores["ece_percent"], 2),
            "Brier": round(scores["brier"], 4),
        }
        for run in runs
        for name, scores in run["networks"].items()
    ]

    # What is masked computes what is compact, and is not drawn.
    titles = {run["run"]: f"{labels.NETWORK[run['network']]}, {_recipe(run['run'])}" for run in runs}
    bars = [{**line, "run": titles[str(line["run"])]} for line in lines if line["network"] != "masked"]

    def every(score: str, of: str, digits: int) -> str:
        return labels.join([f"{run['networks'][of][score]:.{digits}f}" for run in runs])

    compact, ensemble = "compact", f"ensemble of {runs[0]['samples']}"
    lower = sum(run["networks"][ensemble]["nll"] < run["networks"][compact]["nll"] for run in runs)
    return Answer(
        lines,
        Figure("bars", "run", "ECE, %", "network", lines=bars),
        (
            f"Nearly: the compact network’s ECE is {every('ece_percent', compact, 2)} % in the order shown, its "
            f"NLL {every('nll', compact, 3)} nats; removal changes neither by much.",
            f"An {ensemble} sampled thetas has an ECE of {every('ece_percent', ensemble, 2)} %, and a lower NLL in "
            f"{lower} of {len(runs)} runs ({every('nll', ensemble, 3)} nats).",
        ),
        f"n = 1 run a row, seed {labels.join(sorted({str(run['seed']) for run in runs}))}; {runs[0]['n']:,} test "
        f"images of MNIST; ECE over {runs[0]['bins']} bins of equal width; {runs[0]['hardware']}; recorded runs with "
        "weights.",
    )


def _recipe(run: str) -> str:
    return "Table 1" if run.startswith("table-1") else "preset paper"


QUESTION = Question("calibration", "Is it calibrated?", answer, "the test images, by the recorded weights", measure)
