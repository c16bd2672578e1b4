"""The experiments: which runs each of them needs, as data. No torch.

A recipe is chosen on examples held out of the training set; the runs of an experiment then train on all of them
(`validation_size` 0), and each reads the test set once, at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sbp.spec import RunConfig
from sbp.spec.networks import widths_of
from sbp.spec.presets import VGG, VGG_SBP, VGG_SBPA


class UnknownExperiment(LookupError):
    """No experiment, row or network has this name; the message says which there are."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class PlannedRow:
    """A recipe with a key and a label: what a row of the experiment's table is made of.

    paper: the method in the paper's table that it is compared with, "" for none.
    """

    key: str
    label: str
    recipe: RunConfig
    paper: str = ""

    @property
    def network(self) -> str:
        """The network's name."""
        return self.recipe.network.name

    def configs(self, seeds: int, first: int = 0) -> tuple[RunConfig, ...]:
        """The recipe with so many seeds: first, first + 1, ...

        >>> [config.seed for config in TABLE_1.rows[0].configs(3)], TABLE_1.rows[0].configs(1, first=9)[0].seed
        ([0, 1, 2], 9)
        """
        return tuple(self.recipe.replace(seed=seed) for seed in range(first, first + seeds))


@dataclass(frozen=True)
class Plan:
    """An experiment: its name, what it shows, its rows.

    seeds: how many by default. recordings: the name of a row's recorded run, by network and key, where it is not
    experiment, network and key. weights: the keys whose recorded runs hold weights, and enough snapshots for a film.
    """

    name: str
    title: str
    rows: tuple[PlannedRow, ...]
    seeds: int = 3
    recordings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    weights: tuple[str, ...] = ()

    def recording(self, row: PlannedRow) -> str:
        """The name of a row's recorded run."""
        return self.recordings.get((row.network, row.key), f"{self.name}-{row.network}-{row.key}")

    def only(self, key: str = "", network: str = "") -> tuple[PlannedRow, ...]:
        """The rows of one key, of one network, or both; raises `UnknownExperiment` when none is left."""
        rows = tuple(row for row in self.rows if key in ("", row.key) and network in ("", row.network))
        if not rows:
            keys = ", ".join(dict.fromkeys(row.key for row in self.rows))
            networks = ", ".join(dict.fromkeys(row.network for row in self.rows))
            raise UnknownExperiment(
                f"{self.name} has the rows {keys} of {networks}; got {key or 'any'} of {network or 'any'}."
            )
        return rows


# What the recipes of a network share. SBP's were chosen among others on 10,000 held-out images, LeNet-5's a second time
# after the test error of an earlier one had been seen; the group lasso's lambda was changed after that (README).
_DENSE: dict[str, Any] = {
    "network": "lenet-500-300",
    "dataset": "mnist",
    "validation_size": 0,
    "batch_size": 500,
    "epochs": 100,
    "lr": 1e-3,
}
_CONV: dict[str, Any] = {
    "network": "lenet-5-caffe",
    "dataset": "mnist",
    "validation_size": 0,
    "batch_size": 500,
    "epochs": 100,
    "lr": 1e-3,
}
# SBP: the noise's learning rate is the knob that matters. Once units are pruned, only the weights are trained.
_DENSE_SBP: dict[str, Any] = {
    "method": "sbpa",
    "batch_size": 250,
    "epochs": 250,
    "noise_lr": 3e-2,
    "finetune_epochs": 30,
}
_CONV_SBP: dict[str, Any] = {
    "method": "sbpa",
    "pretrain_epochs": 40,
    "epochs": 100,
    "noise_lr": 2e-2,
    "weight_decay": 1e-4,
    "finetune_epochs": 80,
    "finetune_lr": 8e-3,
    "average_decay": 0.999,
}

# key, label, the paper's name of the method, and what differs for each of the two networks.
_RECIPES: tuple[tuple[str, str, str, dict[str, Any] | None, dict[str, Any] | None], ...] = (
    (
        "original",
        "Original",
        "original",
        {"method": "original", "weight_decay": 1e-4},
        {"method": "original", "weight_decay": 1e-4},
    ),
    ("binary-dropout", "Binary dropout", "", {"method": "binary-dropout"}, {"method": "binary-dropout"}),
    ("gaussian-dropout", "Gaussian dropout", "", {"method": "gaussian-dropout"}, {"method": "gaussian-dropout"}),
    (
        "sparse-vd",
        "SparseVD",
        "SparseVD",
        {"method": "sparse-vd", "batch_size": 250, "epochs": 120, "kl_warmup": (5, 20)},
        {"method": "sparse-vd", "epochs": 120, "kl_warmup": (5, 20)},
    ),
    (
        "ssl",
        "SSL",
        "SSL",
        {"method": "ssl", "group_penalty": 1.5e-4, "finetune_epochs": 50},
        {"method": "ssl", "group_penalty": 1e-3, "finetune_epochs": 50},
    ),
    (
        "sbp-plain",
        "SBP, plain bound",
        "",
        {"method": "sbp", "epochs": 200, "lr": 2e-3, "noise_lr": 3e-2},
        {"method": "sbp", "pretrain_epochs": 20, "noise_lr": 2e-2, "weight_decay": 1e-4},
    ),
    (
        "sbp-fixed-mu",
        "SBP, mu fixed",
        "",
        {"method": "sbp-fixed-mu", "epochs": 200, "lr": 2e-3, "noise_lr": 3e-2},
        {"method": "sbp-fixed-mu", "pretrain_epochs": 20, "noise_lr": 2e-2, "weight_decay": 1e-4},
    ),
    (
        "sbp-weights",
        "SBP on weights",
        "",
        {"method": "sbp-weights", "pretrain_epochs": 20, "epochs": 60, "kl_warmup": (0, 40), "noise_lr": 1e-2},
        {"method": "sbp-weights", "pretrain_epochs": 20, "epochs": 60, "kl_warmup": (0, 40), "noise_lr": 1e-2},
    ),
    ("sbp", "SBP", "SBP", {**_DENSE_SBP, "kl_weights": (1.7, 1.7, 1.7)}, {**_CONV_SBP, "kl_weights": (55, 40, 2, 2)}),
    (
        "sbp-small",
        "SBP, smallest",
        "",
        {**_DENSE_SBP, "kl_weights": (4, 4, 4)},
        {**_CONV_SBP, "kl_weights": (205, 40, 1, 1), "kl_warmup": (0, 50)},
    ),
    (
        "sbp-frontier-1",
        "SBP, frontier",
        "",
        {**_DENSE_SBP, "kl_weights": (1, 1, 1)},
        {**_CONV_SBP, "kl_weights": (20, 20, 1, 1)},
    ),
    (
        "sbp-frontier-2",
        "SBP, frontier",
        "",
        {**_DENSE_SBP, "kl_weights": (2.5, 2.5, 2.5)},
        {**_CONV_SBP, "kl_weights": (100, 40, 2, 2)},
    ),
)


# The plain bound, with which the figures are made.
_PLAIN: dict[str, Any] = {"method": "sbp", "epochs": 200, "lr": 2e-3, "noise_lr": 3e-2}


def _row(key: str, label: str, paper: str, experiment: str, shared: dict[str, Any], own: dict[str, Any]) -> PlannedRow:
    return PlannedRow(key, label, RunConfig.flat(**{**shared, **own, "preset": f"{experiment}-{key}"}), paper)


def _table_1() -> tuple[PlannedRow, ...]:
    dense = [_row(key, label, paper, "table-1", _DENSE, own) for key, label, paper, own, _ in _RECIPES if own]
    conv = [_row(key, label, paper, "table-1", _CONV, own) for key, label, paper, _, own in _RECIPES if own]
    return (*dense, *conv)


def _interval(key: str, label: str, low: float) -> PlannedRow:
    return _row(key, label, "", "interval", _DENSE, {**_PLAIN, "log_low": low})


TABLE_1 = Plan(
    "table-1",
    "Error, sparsity and speed-up of every method (the paper's Table 1)",
    _table_1(),
    weights=("sbp",),
)
_WIDE: dict[str, Any] = {**_DENSE, **_PLAIN, "widths": (1000, 1000)}
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
# At 1e-3 and batches of 500 binary dropout is the constant predictor after 500 epochs too: nothing to tell apart.
_RANDOM: dict[str, Any] = {**_CONV, "batch_size": 128, "lr": 3e-4, "noise_lr": 2e-2, "random_labels": True}
RANDOM_LABELS = Plan(
    "random-labels",
    "60,000 random labels: what is left, what is memorised (the paper's section 5.5)",
    (
        _row("sbp", "SBP", "", "random-labels", _RANDOM, {"method": "sbp", "epochs": 20}),
        _row("dropout", "Binary dropout", "", "random-labels", _RANDOM, {"method": "binary-dropout", "epochs": 80}),
    ),
    seeds=1,
    recordings={("lenet-5-caffe", "sbp"): "random-labels-sbp", ("lenet-5-caffe", "dropout"): "random-labels-dropout"},
)

# Moved by SGD at SBP's rates, SparseVD ends at 21.6 % (and 19.7 % of training images): it wants Adam for its weights.
_VGG_ADAM: dict[str, Any] = {"optimiser": "adam", "decoupled_decay": True, "batch_size": 500}
_VGG_METHODS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("original", "Original", "original", {"method": "original", "epochs": 150, "lr": 0.1}),
    (
        "sparse-vd",
        "SparseVD",
        "SparseVD",
        {
            "method": "sparse-vd",
            **_VGG_ADAM,
            "lr": 2e-3,
            "weight_decay": 0.2,
            "pretrain_epochs": 20,
            "epochs": 50,
            "kl_warmup": (5, 20),
            "finetune_epochs": 20,
            "average_decay": 0.999,
        },
    ),
    (
        "sparse-vd-frontier",
        "SparseVD, frontier",
        "",
        {
            "method": "sparse-vd",
            **_VGG_ADAM,
            "cutout": 0,
            "lr": 2e-3,
            "weight_decay": 0.0,
            "pretrain_lr": 2e-3,
            "pretrain_epochs": 40,
            "epochs": 50,
            "kl_warmup": (5, 35),
            "finetune_epochs": 15,
            "finetune_lr": 5e-4,
            "average_decay": 0.999,
            "recalibrate_norm": True,
        },
    ),
    ("sbp", "SBP", "SBP", {**VGG_SBP, "method": "sbp", "noise_lr": 3e-2}),
    ("sbpa", "SBPa", "SBPa", {**VGG_SBP, **VGG_SBPA}),
    ("sbpa-frontier", "SBPa, frontier", "", {**VGG_SBP, **VGG_SBPA, "kl_exponent": 0.29}),
    ("sbpa-frontier-2", "SBPa, frontier", "", {**VGG_SBP, **VGG_SBPA, "kl_exponent": 0.40}),
)


def _table_2(scale: float) -> list[PlannedRow]:
    """The rows of one width factor k; their keys carry it where it is not 1."""
    wide = {} if scale == 1 else {"widths": widths_of(scale)}
    after, label = ("", "") if scale == 1 else (f"-{scale:g}", f", k = {scale:g}")
    methods = [m for m in _VGG_METHODS if scale == 1 or "frontier" not in m[0]]
    return [
        _row(key + after, title + label, paper, "table-2", VGG, {**own, **wide}) for key, title, paper, own in methods
    ]


TABLE_2 = Plan(
    "table-2",
    "VGG-like on CIFAR-10 at two widths (the paper's Table 2)",
    (*_table_2(1.0), *_table_2(1.5)),
    seeds=1,
)
_RANDOM_VGG: dict[str, Any] = {
    **VGG,
    **_VGG_ADAM,
    "augment": False,
    "cutout": 0,
    "lr": 1e-3,
    "weight_decay": 0.0,
    "random_labels": True,
}
RANDOM_LABELS_CIFAR = Plan(
    "random-labels-cifar-10",
    "50,000 random labels and the VGG-like network: what is left, what is memorised (the paper's section 5.5)",
    (
        _row(
            "sbp",
            "SBP",
            "",
            "random-labels-cifar-10",
            _RANDOM_VGG,
            {"method": "sbp", "epochs": 15, "noise_lr": 3e-2},
        ),
        _row(
            "dropout",
            "Binary dropout",
            "",
            "random-labels-cifar-10",
            _RANDOM_VGG,
            {"method": "binary-dropout", "epochs": 200},
        ),
    ),
    seeds=1,
    recordings={("vgg-like", "sbp"): "random-labels-vgg-sbp", ("vgg-like", "dropout"): "random-labels-vgg-dropout"},
)

PLANS: dict[str, Plan] = {
    plan.name: plan for plan in (TABLE_1, FIGURE_1, FIGURE_2, INTERVAL, RANDOM_LABELS, TABLE_2, RANDOM_LABELS_CIFAR)
}


def plan_of(experiment: str) -> Plan:
    """The experiment of this name; raises `UnknownExperiment`."""
    if experiment not in PLANS:
        raise UnknownExperiment(f"Expected one of the experiments {', '.join(PLANS)}, got {experiment!r}.")
    return PLANS[experiment]
