"""Widths from scratch: the same data and budget, no noise; nothing where widths cannot say what was kept."""

from __future__ import annotations

import pytest

from sbp.spec import RunConfig
from sbp.spec.networks import widths_of
from sbp.spec.scratch import from_scratch


def test_all_but_noise_and_widths_stays() -> None:
    pruned = RunConfig.flat(
        **{
            "network": "lenet-5-caffe",
            "pixels": True,
            "method": "sbpa",
            "kl_weights": (1.0,) * 5,
            "lr": 0.01,
            "seed": 3,
            "pretrain_dropout": 0.5,
        },
        **{"epochs": 30, "pretrain_epochs": 5, "finetune_epochs": 7, "kl_warmup": (2, 9), "shrink_after": 2},
        **{"batch_size": 250, "distillation": 0.5, "train_size": 900, "weight_decay": 1e-4},
    )
    run = from_scratch(pruned, (300, 5, 9, 111, 94))
    assert run is not None
    assert (run.network.widths, run.network.pixels) == ((5, 9, 94), False)
    assert (run.method.name, run.schedule.epochs, run.seed) == ("original", 42, 3)
    assert (run.schedule.pretrain_epochs, run.schedule.finetune_epochs, run.schedule.shrink_after) == (0, 0, 0)
    assert run.data == pruned.data
    same = ("lr", "batch_size", "weight_decay", "optimiser", "precision")
    assert [run.value(name) for name in same] == [pruned.value(name) for name in same]


@pytest.mark.parametrize(
    ("network", "dataset", "kept"),
    [
        ("lenet-500-300", "mnist", (245, 0, 55)),
        ("lenet-500-300", "mnist", (245, 500, 300)),
        ("resnet-20", "cifar-10", (16, *[8] * 11)),
        ("own", "own", ()),
    ],
)
def test_what_widths_cannot_say_is_not_asked_for(network: str, dataset: str, kept: tuple[int, ...]) -> None:
    assert from_scratch(RunConfig.flat(network=network, dataset=dataset), kept) is None


def test_a_deep_chain_has_a_width_for_each_of_its_layers() -> None:
    kept = (*[7] * 13, 99, 8)
    run = from_scratch(RunConfig.flat(network="vgg-like", dataset="cifar-10", widths=widths_of(1.5)), kept)
    assert run is not None
    assert run.network.widths == (*[7] * 13, 8)
