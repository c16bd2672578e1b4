"""Training on coloured images: augmented, in bf16, with batch normalisation fixed or not."""

from __future__ import annotations

import pytest
import torch

from sbp.data.datasets import Dataset
from sbp.networks.batch_norms import batch_norms
from sbp.spec import ConfigError, RunConfig
from sbp.spec.records import Record
from sbp.training.checkpoint import Checkpoint
from sbp.training.loop import Training

TINY = RunConfig.flat(
    network="vgg-like",
    dataset="cifar-10",
    widths=(2,) * 13 + (4,),
    batch_size=8,
    pretrain_epochs=1,
    epochs=1,
    finetune_epochs=1,
    validation_size=8,
    noise_lr=0.05,
    device="cpu",
)


@pytest.fixture(scope="module")
def images() -> Dataset:
    """Two classes that differ in colour."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.arange(40) % 2
    pixels = torch.randint(0, 120, (40, 3, 32, 32), generator=draw)
    pixels[labels == 1, 0] += 100
    return Dataset("cifar-10", pixels.byte()[:32], labels[:32], pixels.byte()[32:], labels[32:], "Made up.")


def records(training: Training) -> list[Record]:
    return [event for event in training.events() if isinstance(event, Record)]


FAST = {"augment": True, "precision": "bf16", "channels_last": True, "hold_norm": True}
ANEW = {"method": "sparse-vd", "recalibrate_norm": True, "average_decay": 0.9}
RESNET = {"network": "resnet-20", "widths": (4, 5, 6)}
PIXELS = {"pixels": True, "recalibrate_norm": True}


@pytest.mark.parametrize("more", [{}, FAST, ANEW, PIXELS, RESNET, {**RESNET, **FAST}, {**RESNET, **PIXELS}])
def test_resumed_equals_uninterrupted(images: Dataset, more: dict[str, object]) -> None:
    config = TINY.replace(epochs=2, **more)
    whole = Training(config, images)
    expected = records(whole)
    assert [record.phase for record in expected] == ["pretrain", "sbp", "sbp", "finetune"]
    first = Training(config, images)
    events = first.events()
    while not (isinstance(event := next(events), Record) and event.phase == "sbp"):
        pass
    saved = first.checkpoint()
    # As a file gives them back: channels last is not among what it holds.
    tensors = {name: torch.from_numpy(tensor.numpy().copy(order="C")) for name, tensor in saved.tensors.items()}
    second = Training(config, images, Checkpoint(tensors, saved.state))
    assert [record.nll for record in records(second)] == [record.nll for record in expected[2:]]
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


def test_held_statistics_are_those_that_the_pretraining_left(images: Dataset) -> None:
    def statistics(training: Training) -> dict[str, torch.Tensor]:
        return {n: b.clone() for n, b in training.network.named_buffers() if n.endswith("running_mean")}

    for held in (True, False):
        training = Training(TINY.replace(hold_norm=held), images)
        events = training.events()
        while not isinstance(next(events), Record):
            pass
        before = statistics(training)
        list(events)
        after = statistics(training)
        assert len(before) == 14
        assert all(torch.equal(before[name], after[name]) for name in before) == held


@pytest.mark.parametrize("method", ["sbp", "sparse-vd"])
def test_recalibrated_statistics_are_those_of_the_network_as_it_is_judged(images: Dataset, method: str) -> None:
    """What each normalisation is given in eval mode has the mean and the variance that it says; training, which does
    not read them, goes the same way."""
    config = TINY.replace(method=method, average_decay=0.9, widths=(3,) * 14)
    trainings = [Training(config.replace(recalibrate_norm=on), images) for on in (False, True)]
    plain, recalibrated = (records(training) for training in trainings)
    assert [record.nll for record in plain] == [record.nll for record in recalibrated]
    means, variances = zip(*(furthest_off(training) for training in trainings), strict=True)
    assert means[1] < 0.1 < means[0]
    assert variances[1] < 0.1 < variances[0]


def channels_of(x: torch.Tensor) -> torch.Tensor:
    """[channels, all their values]."""
    return x.transpose(0, 1).flatten(1)


def furthest_off(training: Training) -> tuple[float, float]:
    """How far the mean and the variance of a normalisation are at most from those of what it is given in eval mode: in
    standard deviations, and in the logarithm.

    Up to n / (n - 1) in the variances of all layers before: 24 images, and in the last layers one place in each.
    """
    seen: dict[int, torch.Tensor] = {}
    norms = batch_norms(training.network)
    for place, norm in enumerate(norms):
        norm.register_forward_pre_hook(lambda _, given, place=place: seen.update({place: channels_of(given[0])}))
    with torch.no_grad():
        training.network(training.split.train_x)
    # A channel that hears nothing has no variance.
    pairs = list(zip(norms, seen.values(), strict=True))
    means = [(norm.get_buffer("running_mean") - x.mean(1)) / (x.std(1) + 1e-3) for norm, x in pairs]
    ratios = [(norm.get_buffer("running_var") + 1e-6) / (x.var(1) + 1e-6) for norm, x in pairs]
    return float(torch.cat(means).abs().max()), float(torch.cat(ratios).log().abs().max())


def test_bf16_multiplies_in_bf16_and_keeps_weights_in_float32(images: Dataset) -> None:
    """The first step's NLL differs by bf16's three digits, not more; what is stored is float32."""
    first = {}
    for precision in ("float32", "bf16"):
        training = Training(TINY.replace(precision=precision, pretrain_epochs=1, batch_size=24), images)
        first[precision] = records(training)[0].nll
        assert all(tensor.dtype != torch.bfloat16 for tensor in training.network.state_dict().values())
    assert first["bf16"] != first["float32"]
    assert first["bf16"] == pytest.approx(first["float32"], rel=2e-2)


def test_augmentation_changes_what_is_seen_and_the_same_seed_sees_the_same(images: Dataset) -> None:
    plain, once, again = (records(Training(TINY.replace(augment=on), images))[0].nll for on in (False, True, True))
    assert plain != once == again


@pytest.mark.parametrize(
    ("clash", "said"),
    [
        ({"cutout": 12}, r"cutout \(data.cutout\): expected 0 without augment"),
        ({"optimiser": "sgd", "decoupled_decay": True}, "decoupled_decay. *: expected"),
        ({"hold_norm": True, "recalibrate_norm": True}, r"\(optimisation.recalibrate_norm\): expected False with"),
    ],
)
def test_what_cannot_go_together_is_refused(clash: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TINY.replace(**clash)
