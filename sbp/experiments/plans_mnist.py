"""Experiments on MNIST: Table 1, Figures 1 and 2, the interval [a, b], random labels. No torch."""

from __future__ import annotations

from typing import Any

from sbp.experiments.planned import Plan, PlannedRow, planned_row

# What the recipes of a network share. SBP's were chosen among others on 10,000 held-out images, LeNet-5's a second time
# after the test error of an earlier one had been seen; the group lasso's lambda was changed after that
# (docs/reproducing.md).
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


def _table_1() -> tuple[PlannedRow, ...]:
    dense = [planned_row(key, label, paper, "table-1", _DENSE, own) for key, label, paper, own, _ in _RECIPES if own]
    conv = [planned_row(key, label, paper, "table-1", _CONV, own) for key, label, paper, _, own in _RECIPES if own]
    return (*dense, *conv)


def _interval(key: str, label: str, low: float) -> PlannedRow:
    return planned_row(key, label, "", "interval", _DENSE, {**_PLAIN, "log_low": low})


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
        planned_row("trained", "mu and sigma trained", "", "figure-1", _WIDE, {"method": "sbp"}),
        planned_row("fixed-mu", "mu fixed, sigma trained", "", "figure-1", _WIDE, {"method": "sbp-fixed-mu"}),
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
        planned_row("sbp", "SBP", "", "random-labels", _RANDOM, {"method": "sbp", "epochs": 20}),
        planned_row(
            "dropout", "Binary dropout", "", "random-labels", _RANDOM, {"method": "binary-dropout", "epochs": 80}
        ),
    ),
    seeds=1,
    recordings={("lenet-5-caffe", "sbp"): "random-labels-sbp", ("lenet-5-caffe", "dropout"): "random-labels-dropout"},
)
