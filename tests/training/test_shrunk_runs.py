"""Whole runs that shrink: what is left goes on to the bit, and all that is said is of the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sbp.compaction import compact, masked, masks_of
from sbp.compaction.weights import network_of
from sbp.data.datasets import Dataset, load
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of, noise_of
from sbp.pruning.masks import Masks
from sbp.runs import store
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.records import Record, Snapshot
from sbp.training.checkpoint import Checkpoint
from sbp.training.evaluation import error_percent
from sbp.training.loop import Training
from sbp.worker.outcome import to_numpy
from sbp.worker.worker import Worker

# Whole runs. Enough noise that units go within a few epochs.
DIGITS = RunConfig.flat(
    dataset="digits",
    widths=(12, 8),
    batch_size=100,
    pretrain_epochs=1,
    epochs=12,
    finetune_epochs=2,
    noise_lr=0.15,
    lr=5e-3,
    validation_size=100,
    average_decay=0.9,
    shrink_after=1,
    device="cpu",
)
CAFFE = DIGITS.replace(network="lenet-5-caffe", widths=(6, 6, 12), train_size=600, epochs=8, noise_lr=0.1)
VGG = DIGITS.replace(
    network="vgg-like",
    dataset="cifar-10",
    widths=(6,) * 14,
    batch_size=8,
    validation_size=8,
    noise_lr=0.05,
    epochs=6,
    channels_last=True,
)

RESNET = VGG.replace(network="resnet-20", widths=(6, 7, 8), channels_last=False)
RUNS = {
    "lenet-500-300": DIGITS,
    "fixed mu": DIGITS.replace(method="sbp-fixed-mu", noise_lr=0.2),
    "lenet-5-caffe": CAFFE,
    "resnet-20": RESNET,
    "resnet-20, pixels": RESNET.replace(pixels=True),
    "vgg-like": VGG,
    "vgg-like, held": VGG.replace(hold_norm=True),
    "sgd": CAFFE.replace(optimiser="sgd", lr=1e-2),
    "a theta a minibatch": DIGITS.replace(theta_per="minibatch"),
    "a theta an element": CAFFE.replace(theta_per="element"),
}


# The others, which make up most of this file's time, wait for `make test-all`.
QUICK = {"lenet-500-300", "lenet-5-caffe", "resnet-20"}
each_run = pytest.mark.parametrize(
    "which", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in RUNS]
)


def data_of(config: RunConfig) -> Dataset:
    if config.data.dataset == "digits":
        return load("digits")
    draw = torch.Generator().manual_seed(0)
    pixels, labels = torch.randint(0, 255, (48, 3, 32, 32), generator=draw).byte(), torch.arange(48) % 2
    return Dataset("cifar-10", pixels[:40], labels[:40], pixels[40:], labels[40:], "Made up.")


def born(config: RunConfig) -> Training:
    """A training at its start, where of three units of a convolutional network one has no signal and one little."""
    training = Training(config, data_of(config))
    if config.network.name != "lenet-500-300":
        noise = joint_noise_of(training.network)
        for log_scale in noise.by_group(noise.log_scale.data).values():
            log_scale[::3], log_scale[1::3] = 4.0, 0.9
    return training


def facts(record: Record) -> tuple[object, ...]:
    return (
        record.epoch,
        record.nll,
        record.kl,
        record.loss,
        record.kept,
        record.macs,
        record.train_error_percent,
        record.validation_error_percent,
    )


@each_run
def test_a_run_that_shrank_was_stopped_and_resumed_is_one_that_never_was(
    which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", -1.0)
    config, data = RUNS[which], data_of(RUNS[which])
    whole = born(config)
    saved: list[tuple[int, Checkpoint, Masks]] = []
    expected = []
    for event in whole.events():
        expected.append(event)
        if not isinstance(event, Record) and (len(expected) % 4 == 0 or isinstance(event, Snapshot)):
            saved.append((len(expected), whole.checkpoint(), whole.shrinking.left))
    sizes = [sum(int(mask.sum()) for mask in left.values()) for _, _, left in saved]
    assert sizes[0] > sizes[-len(saved) // 3] >= sizes[-1] > 0, "it shrank while it trained"
    shapes = {frozenset((n, t.shape) for n, t in s.tensors.items() if n.startswith("network.")) for _, s, _ in saved}
    assert len(shapes) == 1, "no shape in a checkpoint depends on what was cut"
    cuts = [place for place in range(1, len(saved)) if sizes[place] < sizes[place - 1]]
    for place in {len(saved) - 2, cuts[0], cuts[0] + 1, cuts[-1] + 1}:
        count, checkpoint, _ = saved[place]
        with store.create(config) as folder:
            folder.write_checkpoint(to_numpy(checkpoint.tensors), checkpoint.state)
            values, state = folder.read_checkpoint() or ({}, {})
        tensors = {name: torch.from_numpy(value) for name, value in values.items()}
        second = Training(config, data, Checkpoint(tensors, state))
        left = [event for event in second.events() if isinstance(event, Record | Snapshot)]
        wanted = [event for event in expected[count:] if isinstance(event, Record | Snapshot)]
        for got, one in zip(left, wanted, strict=True):
            if isinstance(one, Record):
                assert isinstance(got, Record)
                assert facts(got) == facts(one)
            else:
                assert isinstance(got, Snapshot)
                assert all(np.array_equal(got.loc[key], one.loc[key]) for key in one.loc)
        for name, tensor in whole.model_tensors().items():
            assert torch.equal(tensor, second.model_tensors()[name]), name


@each_run
def test_what_is_said_is_of_the_original_units(which: str, tmp_path: Path) -> None:
    config = RUNS[which]
    training = born(config)
    events = list(training.events())
    sizes = {info.name: info.units for info in described(training.network).groups}
    snapshots = [event for event in events if isinstance(event, Snapshot)]
    assert all({key: len(values) for key, values in one.loc.items()} == sizes for one in snapshots)
    assert all(np.isfinite(values).all() for one in snapshots for values in one.log_scale.values())
    left = training.shrinking.left
    assert any(not mask.all() for mask in left.values())
    last = snapshots[-1]
    for info in training.meta()["layers"]:
        assert info["units"] == sizes[info["name"]]
    # The stored network is the one that was judged, and a program that knows nothing of shrinking says so.
    records, result = [event for event in events if isinstance(event, Record)], training.result()
    save_file({name: t.contiguous() for name, t in training.model_tensors().items()}, tmp_path / "model.safetensors")
    network = network_of(config, tmp_path / "model.safetensors")
    kept = masks_of(network)
    assert [int(mask.sum()) for mask in kept.values()] == result["kept"] == list(records[-1].kept)
    assert all(not (mask & ~left[name]).any() for name, mask in kept.items())
    noise = joint_noise_of(network)
    for name, loc in noise.by_group(noise.loc.detach()).items():
        np.testing.assert_array_equal(loc.numpy(), last.loc[name])
    split = training.split
    for one in (network, compact(network), training.trained()):
        error = error_percent(one, split.validation_x, split.validation_y)
        assert error == pytest.approx(records[-1].validation_error_percent, abs=1e-9)
    assert records[-1].kl == pytest.approx(noise.kl().item(), rel=1e-5)


@pytest.mark.parametrize("pixels", [False, True])
def test_a_resnet_that_shrank_is_masked_and_compact_what_was_trained(pixels: bool, tmp_path: Path) -> None:
    """Logits of the network in training, of the one at full width, of what is stored, masked and compact."""
    config = RESNET.replace(pixels=pixels)
    training = born(config)
    list(training.events())
    assert sum(noise_of(training.network).layout.sizes) < sum(noise_of(training.trained()).layout.sizes)
    save_file({name: t.contiguous() for name, t in training.model_tensors().items()}, tmp_path / "model.safetensors")
    stored = network_of(config, tmp_path / "model.safetensors")
    x = training.split.validation_x
    with torch.no_grad():
        expected = training.network.eval()(x)
        assert expected.std(0).max() > 1e-3 * expected.abs().max(), "it says something of the image"
        for other in (training.trained(), stored, masked(stored), compact(stored)):
            torch.testing.assert_close(other(x), expected, rtol=1e-4, atol=1e-5)


def test_a_worker_leaves_a_run_like_any_other() -> None:
    with store.create(DIGITS) as folder:
        assert Worker(folder).run() is State.FINISHED
    view = store.open_run(folder.id)
    network = network_of(view.config, view.model_path)
    result, sweep = view.result, view.sweep()
    assert result is not None
    assert sweep is not None
    assert result["kept"] == [int(mask.sum()) for mask in masks_of(network).values()]
    assert 0 < result["macs"] < result["macs_dense"]


def test_nothing_comes_back_and_what_was_cut_stays_as_it_was() -> None:
    training = Training(DIGITS.replace(finetune_epochs=0, average_decay=0.0), data_of(DIGITS))
    removed: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for event in training.events():
        if isinstance(event, Snapshot):
            for name, (mask, loc) in removed.items():
                np.testing.assert_array_equal(event.loc[name][mask], loc[mask])
            removed = {name: (~mask, event.loc[name]) for name, mask in training.shrinking.left.items()}
    assert any(mask.any() for mask, _ in removed.values())


def test_fine_tuning_begins_with_nothing_but_what_is_kept() -> None:
    training = Training(DIGITS.replace(shrink_after=1000), data_of(DIGITS))
    records = [event for event in training.events() if isinstance(event, Record)]
    assert noise_of(training.network).layout.sizes == records[-1].kept
    assert sum(records[-1].kept) < 784 + 12 + 8


def test_a_collapse_is_trained_to_its_end() -> None:
    config = DIGITS.replace(random_labels=True, noise_lr=1.0, finetune_epochs=1)
    records = [event for event in Training(config, data_of(config)).events() if isinstance(event, Record)]
    assert records[-1].macs == 0


def test_without_the_option_nothing_is_cut() -> None:
    """And a checkpoint holds what it always did."""
    training = Training(DIGITS.replace(shrink_after=0), data_of(DIGITS))
    list(training.events())
    assert training.trained() is training.network
    assert all(mask.all() for mask in training.shrinking.left.values())
    assert not any(name.startswith(("left.", "removed_for.")) for name in training.checkpoint().tensors)


@pytest.mark.parametrize(("config", "theta_per"), [(DIGITS, "minibatch"), (CAFFE, "element")])
def test_what_theta_is_drawn_for_outlasts_a_cut(config: RunConfig, theta_per: str) -> None:
    training = born(config.replace(theta_per=theta_per))
    events = training.events()
    while training.shrinking.full is None:
        next(events)
    noise = joint_noise_of(training.stepper.network)
    assert noise.loc.numel() < joint_noise_of(training.shrinking.whole()[0]).loc.numel()
    assert noise.theta_per == theta_per
    next(events)
