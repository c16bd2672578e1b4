"""The experiments: which runs each of them needs, as data. No torch.

A recipe is chosen on examples held out of the training set; the runs of an experiment then train on all of them
(`validation_size` 0), and each reads the test set once, at its end.
"""

from __future__ import annotations

from sbp.experiments.planned import Plan, UnknownExperiment
from sbp.experiments.plans_cifar import RANDOM_LABELS_CIFAR, TABLE_2
from sbp.experiments.plans_mnist import FIGURE_1, FIGURE_2, INTERVAL, RANDOM_LABELS, TABLE_1

PLANS: dict[str, Plan] = {
    plan.name: plan for plan in (TABLE_1, FIGURE_1, FIGURE_2, INTERVAL, RANDOM_LABELS, TABLE_2, RANDOM_LABELS_CIFAR)
}


def plan_of(experiment: str) -> Plan:
    """The experiment of this name; raises `UnknownExperiment`."""
    if experiment not in PLANS:
        raise UnknownExperiment(f"Expected one of the experiments {', '.join(PLANS)}, got {experiment!r}.")
    return PLANS[experiment]
