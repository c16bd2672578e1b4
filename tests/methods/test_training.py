"""Every method in the training loop: its phases, what it leaves behind, and that an interruption changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sbp.compaction import compact, masks_of
from sbp.compaction.weights import network_of
from sbp.data.datasets import load
from sbp.methods.registry import METHOD_CLASSES, method_for
from sbp.networks.describe import described
from sbp.pruning.masks import kept_counts
from sbp.spec import METHODS, RunConfig
from sbp.spec.records import PHASES, Record, Snapshot
from sbp.training.evaluation import error_percent
from sbp.training.loop import Training

SMALL: dict[str, Any] = {
    "dataset": "digits",
    "widths": (12, 8),
    "batch_size": 100,
    "pretrain_epochs": 2,
    "epochs": 10,
    "lr": 5e-3,
    "finetune_epochs": 2,
    "device": "cpu",
    "validation_size": 100,
}
# Enough for each to have removed something by the end.
OPTIONS: dict[str, dict[str, Any]] = {
    "ssl": {"group_penalty": 3e-3},
    "sbp-weights": {"noise_lr": 0.1},
    "sparse-vd": {"lr": 3e-2, "kl_warmup": (0, 2)},
    "sbp": {"noise_lr": 0.3},
    "sbpa": {"noise_lr": 0.1},
    "sbp-fixed-mu": {"noise_lr": 0.3},
}
KEEPS_ALL = ("original", "binary-dropout", "gaussian-dropout")


def config_of(method: str) -> RunConfig:
    return RunConfig.from_dict({**SMALL, "method": method, **OPTIONS.get(method, {})})


def built(config: RunConfig) -> nn.Module:
    return method_for(config.method, config.network, config.noise).build()


def test_every_method_has_its_class() -> None:
    assert tuple(sorted(METHOD_CLASSES)) == tuple(sorted(METHODS))


@pytest.mark.parametrize("name", METHODS)
def test_a_run_by_any_method_goes_through_its_phases_and_leaves_a_network_that_computes_the_same(
    name: str, tmp_path: Path
) -> None:
    config, data = config_of(name), load("digits")
    training = Training(config, data)
    events = list(training.events())
    records = [event for event in events if isinstance(event, Record)]
    assert [record.phase for record in records] == [PHASES[0]] * 2 + [PHASES[1]] * 10 + [PHASES[2]] * 2
    assert any(isinstance(event, Snapshot) for event in events) == config.has_noise
    assert records[-1].nll < records[0].nll
    everything = tuple(info.units for info in described(training.network).groups)
    assert all(record.kept == everything for record in records[:2])
    assert (records[-1].kept == everything) == (name in KEEPS_ALL)
    assert records[-1].kept <= records[-3].kept, "nothing comes back in fine-tuning"
    result = training.result()
    save_file(training.model_tensors(), tmp_path / "model.safetensors")
    network = network_of(config, tmp_path / "model.safetensors")
    split = training.split
    assert list(kept_counts(masks_of(network), described(network).groups)) == result["kept"]
    for one in (network, compact(network)):
        error = error_percent(one, split.validation_x, split.validation_y)
        assert error == pytest.approx(records[-1].validation_error_percent, abs=1e-9)


@pytest.mark.parametrize("stop", [2, 5])
@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("sbpa", "sbp-fixed-mu", "original")])
def test_a_run_that_was_stopped_and_resumed_is_one_that_was_not(name: str, stop: int) -> None:
    """Stopped in the main phase and in fine-tuning, where what was removed has to be remembered."""
    config, data = config_of(name).replace(pretrain_epochs=1, epochs=4, noise_lr=0.3), load("digits")
    whole = Training(config, data)
    records = [event for event in whole.events() if isinstance(event, Record)]
    first = Training(config, data)
    seen: list[Record] = []
    for event in first.events():
        if isinstance(event, Record):
            seen.append(event)
            if event.epoch == stop:
                break
    second = Training(config, data, first.checkpoint())
    seen += [event for event in second.events() if isinstance(event, Record)]
    assert [(record.nll, record.kept) for record in seen] == [(record.nll, record.kept) for record in records]
    for key, tensor in whole.model_tensors().items():
        assert torch.equal(second.model_tensors()[key], tensor), key


def test_the_methods_are_told_apart_by_what_they_learn() -> None:
    learned = {
        name: sorted({key.rpartition(".")[2] for key, _ in built(config_of(name)).named_parameters()})
        for name in METHODS
    }
    assert learned["sparse-vd"] == ["bias", "log_variance", "weight"]
    assert learned["ssl"] == learned["original"] == learned["binary-dropout"] == ["bias", "weight"]
    assert learned["sbp"] == learned["sbp-weights"] == ["bias", "loc", "log_scale", "weight"]
