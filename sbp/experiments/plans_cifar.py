"""Experiments on CIFAR-10 with the VGG-like network: Table 2, random labels. No torch."""

from __future__ import annotations

from typing import Any

from sbp.experiments.planned import Plan, PlannedRow, planned_row
from sbp.spec.networks import widths_of
from sbp.spec.presets import VGG, VGG_SBP, VGG_SBPA

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
        planned_row(key + after, title + label, paper, "table-2", VGG, {**own, **wide})
        for key, title, paper, own in methods
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
        planned_row(
            "sbp",
            "SBP",
            "",
            "random-labels-cifar-10",
            _RANDOM_VGG,
            {"method": "sbp", "epochs": 15, "noise_lr": 3e-2},
        ),
        planned_row(
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
