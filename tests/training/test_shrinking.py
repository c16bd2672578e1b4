"""Shrinking: what is cut changes no output, what is left goes on to the bit, and all that is said is of the whole."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from sbp.compaction import compact, masked, masks_of
from sbp.compaction.weights import network_of
from sbp.data.datasets import Dataset, Split, load
from sbp.methods.registry import method_for
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of, noise_of
from sbp.pruning.masks import Masks, propagate
from sbp.runs import store
from sbp.runs.states import State
from sbp.spec import ConfigError, RunConfig
from sbp.spec.records import Record, Snapshot
from sbp.training.checkpoint import Checkpoint
from sbp.training.evaluation import error_percent
from sbp.training.loop import Training
from sbp.training.shrinking import Shrinking
from sbp.training.stepper import Stepper
from sbp.worker.outcome import to_numpy
from sbp.worker.worker import Worker
from tests.pruning.networks import DATASET, NAMES, WIDTHS, images_for, random_network

BATCH = 12


def shrinking(name: str, dtype: torch.dtype = torch.float64, **changes: Any) -> Shrinking:
    """At the start of the main phase of a network with random noise, some of whose units are below the threshold."""
    network = random_network(name, dtype)
    config = RunConfig.flat(
        network=name, dataset=DATASET[name], widths=WIDTHS[name], batch_size=BATCH, shrink_after=2, **changes
    )
    x = images_for(network, BATCH)
    y = torch.arange(BATCH) % 10
    split = Split(x, y, x[:0], y[:0], x[:0], y[:0])
    method = method_for(config.method, config.network, config.noise)
    parts = config.optimisation, config.schedule, config.data
    stepper = Stepper(network, method, split, torch.Generator().manual_seed(0), *parts)
    stepper.start("sbp")
    stepper.begin_epoch(torch.arange(BATCH), torch.ones(1), torch.ones(1), at=0)
    return Shrinking(stepper)


def more_than_kept(of: Shrinking) -> Masks:
    """All that is kept, and some of what is not."""
    draw = np.random.default_rng(0)
    keep = masks_of(of.stepper.network)
    some = propagate({name: mask | (draw.random(len(mask)) < 0.3) for name, mask in keep.items()}, of.layers)
    assert all(keep[name].sum() < mask.sum() < len(mask) for name, mask in some.items() if len(mask) > 11)
    return some


@pytest.mark.parametrize("name", NAMES)
def test_cutting_what_is_removed_changes_no_logit(name: str) -> None:
    """Once in part and once all, and the network at full width says the same throughout."""
    of = shrinking(name)
    network = of.stepper.network
    x, keep, some = images_for(network), masks_of(network), more_than_kept(of)
    with torch.no_grad():
        expected = network.eval()(x)
        for left in (some, keep):
            of.cut_to(left)
            network = of.stepper.network
            assert noise_of(network).layout.sizes == tuple(mask.sum() for mask in left.values())
            torch.testing.assert_close(network.eval()(x), expected, rtol=1e-10, atol=1e-10)
            torch.testing.assert_close(of.whole()[0].eval()(x), expected, rtol=1e-10, atol=1e-10)
    assert {key: mask.tolist() for key, mask in of.masks().items()} == {k: m.tolist() for k, m in keep.items()}


@pytest.mark.parametrize("name", NAMES)
def test_with_theta_of_what_is_cut_at_0_a_step_sees_the_same_loss_and_gradient(name: str) -> None:
    of = shrinking(name)
    network, left = of.stepper.network, more_than_kept(of)
    dense = copy.deepcopy(network).train()
    of.cut_to(left)
    network, whole, part = of.stepper.network, [], []
    draw, x, y = torch.Generator().manual_seed(3), images_for(network, BATCH), of.stepper.split.train_y
    for mask in left.values():
        theta = torch.rand(BATCH, len(mask), generator=draw, dtype=torch.float64)
        keep = torch.from_numpy(mask)
        whole.append(theta * keep)
        part.append(theta[:, keep])
    noise_of(dense).set_next(torch.cat(whole, 1))
    noise_of(network).set_next(torch.cat(part, 1))
    losses = [functional.cross_entropy(one.train()(x), y) for one in (dense, network)]
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-10, atol=1e-10)
    for loss in losses:
        loss.backward()
    for layer in described(dense).weights:
        got, wanted = (one.get_parameter(f"{layer.name}.weight").grad for one in (network, dense))
        assert wanted is not None
        wanted = wanted[torch.from_numpy(left[layer.makes])] if layer.makes else wanted
        wanted = wanted[:, torch.from_numpy(left[layer.reads[-1]])] if layer.reads else wanted
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-12)


def test_what_adam_remembers_of_what_is_left_is_untouched() -> None:
    """By hand: conv2's kernels, its bias, and mu of all units side by side."""
    of = shrinking("lenet-5-caffe", torch.float32, noise_lr=1e-4)
    stepper, left = of.stepper, more_than_kept(of)
    network = stepper.network
    stepper.step()
    at = {key: torch.from_numpy(mask.nonzero()[0]) for key, mask in left.items()}
    before = copy.deepcopy(stepper.optimiser.memory())
    weight, loc = network.get_parameter("conv2.weight").detach().clone(), joint_noise_of(network).loc.detach().clone()
    of.cut_to(left)
    network = stepper.network
    now = stepper.optimiser.memory()
    units = torch.cat([torch.from_numpy(mask) for mask in left.values()])
    assert torch.equal(network.get_parameter("conv2.weight"), weight[at["conv2"]][:, at["conv1"]])
    assert torch.equal(joint_noise_of(network).loc, loc[units])
    for part in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(now[2][part], before[2][part][at["conv2"]][:, at["conv1"]])
        assert torch.equal(now[3][part], before[3][part][at["conv2"]])
        assert torch.equal(now[8][part], before[8][part][units])
        assert bool(now[8][part].any())
    assert {float(state["step"]) for state in now.values()} == {1.0}
    stepper.begin_epoch(torch.arange(BATCH), torch.ones(1), torch.ones(1), at=0)
    stepper.step()  # and the step goes on from there
    assert {float(state["step"]) for state in stepper.optimiser.memory().values()} == {2.0}


def test_a_unit_goes_once_it_has_been_removed_for_so_many_epochs_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    of = shrinking("lenet-500-300", torch.float32)
    kept = {layer.name: np.ones(layer.units, bool) for layer in of.layers}
    removed = {**kept, "dense1": np.arange(23) >= 9}
    left = []
    for masks in (removed, kept, removed, removed):
        monkeypatch.setattr(of, "masks", lambda masks=masks: masks)
        of.after_epoch()
        left.append(int(of.left["dense1"].sum()))
    assert left == [23, 23, 23, 14]


def test_a_cut_that_saves_little_waits_and_no_layer_is_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    of = shrinking("lenet-500-300", torch.float32)
    kept = {layer.name: np.ones(layer.units, bool) for layer in of.layers}
    for first, left in ((1, 23), (2, 23), (3, 20), (23, 20)):  # a neuron of 23 owns a little less than 1/23 of the MACs
        monkeypatch.setattr(of, "masks", lambda first=first: {**kept, "dense1": np.arange(23) >= first})
        for _ in range(2):
            of.after_epoch()
        assert int(of.left["dense1"].sum()) == left


def test_it_is_for_methods_with_an_snr_alone() -> None:
    with pytest.raises(ConfigError, match=r"shrink_after \(schedule.shrink_after\): expected 0 with method ssl"):
        RunConfig.flat(method="ssl", shrink_after=1)
    with pytest.raises(ConfigError, match=r"shrink_after \(schedule.shrink_after\): expected at least 0"):
        RunConfig.flat(shrink_after=-1)


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
