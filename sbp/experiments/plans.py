"""The experiments: which runs each of them needs, as data. No torch.

A recipe is chosen on objects held out of the training set; the runs of an experiment then train on all of them
(`validation_size` 0), and each reads the test set once, at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sbp.config import RunConfig


class UnknownExperiment(LookupError):
    """No experiment, row or network has this name; the message says which there are."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class PlannedRow:
    """A recipe with a key and a label: what a row of the experiment's table is made of.

    paper: the method in the paper's table that it is held against, "" for none.
    """

    key: str
    label: str
    recipe: RunConfig
    paper: str = ""

    @property
    def network(self) -> str:
        """The network's name."""
        return self.recipe.network

    def configs(self, seeds: int) -> tuple[RunConfig, ...]:
        """The recipe with seeds 0, 1, ...

        >>> [config.seed for config in TABLE_1.rows[0].configs(3)]
        [0, 1, 2]
        """
        return tuple(self.recipe.replace(seed=seed) for seed in range(seeds))


@dataclass(frozen=True)
class Plan:
    """An experiment: its name, what it shows, its rows.

    seeds: how many unless somebody says otherwise. recordings: what a row's first run is called when it is recorded, by
    network and key, where that is not experiment, network and key. weights: the keys whose recordings hold weights.
    """

    name: str
    title: str
    rows: tuple[PlannedRow, ...]
    seeds: int = 3
    recordings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    weights: tuple[str, ...] = ()

    def recording(self, row: PlannedRow) -> str:
        """The name of a row's recording."""
        return self.recordings.get((row.network, row.key), f"{self.name}-{row.network}-{row.key}")

    def only(self, key: str = "", network: str = "") -> tuple[PlannedRow, ...]:
        """The rows of one key, of one network, or both; raises `UnknownExperiment` when none is left."""
        rows = tuple(row for row in self.rows if key in ("", row.key) and network in ("", row.network))
        if not rows:
            keys = ", ".join(dict.fromkeys(row.key for row in self.rows))
            networks = ", ".join(dict.fromkeys(row.network for row in self.rows))
            raise UnknownExperiment(f"{self.name} has the rows {keys} of {networks}; got {key or 'any'} of "
                                    f"{network or 'any'}.")  # fmt: skip
        return rows


# What the recipes of a network share. The noise's learning rate is the knob that matters.
_DENSE: dict[str, Any] = {
    "network": "lenet-500-300", "dataset": "mnist", "validation_size": 0, "batch_size": 500, "epochs": 200,
    "lr": 2e-3, "noise_lr": 3e-2, "weight_decay": 1e-5,
}  # fmt: skip
_CONV: dict[str, Any] = {
    "network": "lenet-5-caffe", "dataset": "mnist", "validation_size": 0, "batch_size": 500, "epochs": 120,
    "pretrain_epochs": 30, "lr": 1e-3, "noise_lr": 2e-2, "weight_decay": 1e-4,
}  # fmt: skip

# key, label, the paper's name of the method, and what differs for each of the two networks.
_RECIPES: tuple[tuple[str, str, str, dict[str, Any] | None, dict[str, Any] | None], ...] = (
    ("original", "Original", "original",
     {"method": "original", "epochs": 100, "lr": 1e-3, "weight_decay": 1e-4},
     {"method": "original", "epochs": 100, "pretrain_epochs": 0, "weight_decay": 1e-4}),
    ("binary-dropout", "Binary dropout", "",
     {"method": "binary-dropout", "epochs": 100, "lr": 1e-3, "dropout": 0.5},
     {"method": "binary-dropout", "epochs": 100, "pretrain_epochs": 0, "dropout": 0.5}),
    ("gaussian-dropout", "Gaussian dropout", "",
     {"method": "gaussian-dropout", "epochs": 100, "lr": 1e-3, "dropout": 0.5},
     {"method": "gaussian-dropout", "epochs": 100, "pretrain_epochs": 0, "dropout": 0.5}),
    ("sparse-vd", "SparseVD", "SparseVD",
     {"method": "sparse-vd", "batch_size": 100, "lr": 1e-3, "kl_warmup": (5, 20), "weight_decay": 0.0},
     {"method": "sparse-vd", "batch_size": 100, "epochs": 200, "pretrain_epochs": 0, "kl_warmup": (5, 20),
      "weight_decay": 0.0}),
    ("ssl", "SSL", "SSL",
     {"method": "ssl", "group_penalty": 2e-3, "epochs": 100, "lr": 1e-3, "finetune_epochs": 30},
     {"method": "ssl", "group_penalty": 2e-3, "epochs": 100, "finetune_epochs": 30}),
    ("sbp-plain", "SBP, plain bound", "", None, {"method": "sbp"}),
    ("sbp-fixed-mu", "SBP, mu fixed", "", {"method": "sbp-fixed-mu"}, {"method": "sbp-fixed-mu"}),
    ("sbp-weights", "SBP on weights", "", {"method": "sbp-weights"}, {"method": "sbp-weights"}),
    ("sbp", "SBP", "SBP", {"method": "sbp"}, {"method": "sbpa", "kl_weights": (60, 60, 1, 1)}),
    ("sbp-small", "SBP, smallest", "",
     {"method": "sbp", "batch_size": 1000, "noise_lr": 5e-2, "epochs": 300},
     {"method": "sbpa", "kl_weights": (200, 80, 1, 1)}),
    ("sbp-frontier-1", "SBP, frontier", "",
     {"method": "sbp", "batch_size": 128, "lr": 1e-3, "noise_lr": 5e-3, "epochs": 80},
     {"method": "sbpa", "kl_weights": (20, 20, 1, 1)}),
    ("sbp-frontier-2", "SBP, frontier", "",
     {"method": "sbp", "batch_size": 128, "lr": 1e-3, "noise_lr": 2e-2, "epochs": 100},
     {"method": "sbpa", "kl_weights": (92, 80, 1, 1.6)}),
)  # fmt: skip


def _row(key: str, label: str, paper: str, experiment: str, shared: dict[str, Any], own: dict[str, Any]) -> PlannedRow:
    return PlannedRow(key, label, RunConfig(**{**shared, **own, "preset": f"{experiment}-{key}"}), paper)


def _table_1() -> tuple[PlannedRow, ...]:
    dense = [_row(key, label, paper, "table-1", _DENSE, own) for key, label, paper, own, _ in _RECIPES if own]
    conv = [_row(key, label, paper, "table-1", _CONV, own) for key, label, paper, _, own in _RECIPES if own]
    return (*dense, *conv)


def _interval(key: str, label: str, low: float) -> PlannedRow:
    return _row(key, label, "", "interval", _DENSE, {"method": "sbp", "log_low": low})


TABLE_1 = Plan(
    "table-1",
    "Error, sparsity and speed-up of every method (the paper's Table 1)",
    _table_1(),
    weights=("sbp",),
)
_WIDE: dict[str, Any] = {**_DENSE, "widths": (1000, 1000)}
FIGURE_1 = Plan(
    "figure-1",
    "The bound through training with mu fixed and with mu trained (the paper's Figure 1)",
    (
        _row("trained", "mu and sigma trained", "", "figure-1", _WIDE, {"method": "sbp"}),
        _row("fixed-mu", "mu fixed, sigma trained", "", "figure-1", _WIDE, {"method": "sbp-fixed-mu"}),
    ),
    seeds=1,
    recordings={("lenet-500-300", "trained"): "figure-1-trained", ("lenet-500-300", "fixed-mu"): "figure-1-fixed-mu"},
)
FIGURE_2 = Plan(
    "figure-2",
    "The SNR of each pixel (the paper's Figure 2)",
    tuple(row for row in TABLE_1.rows if row.network == "lenet-500-300" and row.key == "sbp"),
    seeds=1,
    recordings={("lenet-500-300", "sbp"): "table-1-lenet-500-300-sbp"},
    weights=("sbp",),
)
INTERVAL = Plan(
    "interval",
    "How much the interval [a, b] of log theta matters",
    (
        _interval("a5", "a = -5, b = 0", -5.0),
        _interval("a10", "a = -10, b = 0", -10.0),
        _interval("a20", "a = -20, b = 0", -20.0),
        _interval("a40", "a = -40, b = 0", -40.0),
        # Below b - a = 3.83 the prior's own SNR is above 1: a unit that knows nothing is never pruned.
        _interval("short", "a = -3, b = 0", -3.0),
    ),
    recordings={("lenet-500-300", key): f"interval-{key}" for key in ("a5", "a10", "a20", "a40", "short")},
)
_RANDOM: dict[str, Any] = {**_CONV, "pretrain_epochs": 0, "weight_decay": 0.0, "random_labels": True}
RANDOM_LABELS = Plan(
    "random-labels",
    "60,000 random labels: what is left, what is memorised (the paper's section 5.5)",
    (
        _row("sbp", "SBP", "", "random-labels", _RANDOM, {"method": "sbp", "epochs": 60}),
        _row("dropout", "Binary dropout", "", "random-labels", _RANDOM, {"method": "binary-dropout", "epochs": 400}),
    ),
    seeds=1,
    recordings={("lenet-5-caffe", "sbp"): "random-labels-sbp", ("lenet-5-caffe", "dropout"): "random-labels-dropout"},
)

PLANS: dict[str, Plan] = {plan.name: plan for plan in (TABLE_1, FIGURE_1, FIGURE_2, INTERVAL, RANDOM_LABELS)}


def plan_of(experiment: str) -> Plan:
    """The experiment of this name; raises `UnknownExperiment`."""
    if experiment not in PLANS:
        raise UnknownExperiment(f"Expected one of the experiments {', '.join(PLANS)}, got {experiment!r}.")
    return PLANS[experiment]

