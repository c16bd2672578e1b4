"""Training: what it yields, and that stopping, resuming and seeing it go wrong lose nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from sbp.data.datasets import Dataset, load
from sbp.spec import METHODS, RunConfig
from sbp.spec.kl_weights import kl_weights
from sbp.spec.records import Progress, Record, Snapshot
from sbp.training.checkpoint import Checkpoint, OtherVersion
from sbp.training.errors import Diverged
from sbp.training.loop import Event, Training, train

SMALL = RunConfig.flat(
    dataset="digits", widths=(12, 8), epochs=3, pretrain_epochs=2, batch_size=100, noise_lr=0.05, device="cpu"
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def kinds(events: Iterator[Event]) -> list[Record | Snapshot]:
    return [event for event in events if isinstance(event, Record | Snapshot)]


def test_records_and_snapshots_come_in_order(digits: Dataset) -> None:
    events = kinds(train(SMALL, digits))
    assert [(type(e).__name__, e.epoch) for e in events] == [
        ("Snapshot", 0),
        ("Record", -1),
        ("Record", 0),
        ("Record", 1),
        ("Snapshot", 1),
        ("Record", 2),
        ("Snapshot", 2),
        ("Record", 3),
        ("Snapshot", 3),
    ]
    start = events[0]
    assert isinstance(start, Snapshot)
    assert {name: len(v) for name, v in start.loc.items()} == {"input": 784, "dense1": 12, "dense2": 8}
    assert all((v == -5).all() for v in start.log_scale.values())
    records = [e for e in events if isinstance(e, Record)]
    assert [r.phase for r in records] == ["pretrain"] * 2 + ["sbp"] * 3
    assert records[-1].nll < records[0].nll < np.log(10) + 0.2
    assert records[-1].loss == pytest.approx(records[-1].nll + records[-1].kl / 1150)
    assert records[0].kl == 0.0


@pytest.mark.parametrize("stop_after", [0, 1, 5, 11, 22, 23, 34, 40])
def test_resumed_equals_uninterrupted(digits: Dataset, stop_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut between any two events: the records and the weights are those of a run that was never stopped."""
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", -1.0)  # an event after every step
    whole = Training(SMALL, digits)
    expected = kinds(whole.events())
    first = Training(SMALL, digits)
    events, seen = first.events(), []
    for _ in range(stop_after + 1):
        seen.append(next(events))
    second = Training(SMALL, digits, first.checkpoint())
    seen += list(second.events())
    for got, wanted in zip(kinds(iter(seen)), expected, strict=True):
        if isinstance(wanted, Snapshot):
            assert isinstance(got, Snapshot)
            assert all(np.array_equal(got.loc[n], wanted.loc[n]) for n in wanted.loc)
        else:
            assert isinstance(got, Record)
            assert (got.epoch, got.nll, got.kl, got.kept) == (wanted.epoch, wanted.nll, wanted.kl, wanted.kept)
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name


EACH_METHOD = [
    *((method, {}) for method in METHODS),
    ("sbp", {"average_decay": 0.9, "finetune_lr": 1e-3}),
    ("sbp", {"distillation": 0.7, "temperature": 3.0, "pretrain_decay": 1e-3, "pretrain_dropout": 0.3}),
    ("sparse-vd", {"kl_warmup": (1, 2)}),
    ("ssl", {"group_penalty": 1e-2}),
    *((method, {"optimiser": "sgd", "pretrain_lr": 0.1, "noise_lr": 1e-3}) for method in ("sbp", "sparse-vd")),
]


@pytest.mark.parametrize(("method", "more"), EACH_METHOD)
def test_any_method_resumed_in_any_phase_equals_uninterrupted(
    digits: Dataset, method: str, more: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", -1.0)
    config = SMALL.replace(
        method=method, pretrain_epochs=1, epochs=2, finetune_epochs=2, widths=(6, 4), batch_size=400, **more
    )
    whole = Training(config, digits)
    expected = list(whole.events())
    assert [event.phase for event in expected if isinstance(event, Record)] == [
        "pretrain",
        "sbp",
        "sbp",
        "finetune",
        "finetune",
    ]
    for stop_after in range(1, len(expected), 4):
        first = Training(config, digits)
        events = first.events()
        for _ in range(stop_after):
            next(events)
        second = Training(config, digits, first.checkpoint())
        left = [event for event in second.events() if isinstance(event, Record)]
        wanted = [event for event in expected[stop_after:] if isinstance(event, Record)]
        assert [(r.epoch, r.nll, r.loss, r.kept) for r in left] == [(r.epoch, r.nll, r.loss, r.kept) for r in wanted]
        for name, tensor in whole.trained().state_dict().items():
            assert torch.equal(tensor, second.trained().state_dict()[name]), name


def test_a_checkpoint_of_other_parameters_is_refused_in_a_sentence(digits: Dataset) -> None:
    """Earlier versions moved mu and log sigma layer by layer, so their optimiser remembered more tensors."""
    first = Training(SMALL.replace(pretrain_epochs=0), digits)
    events = first.events()
    while not isinstance(next(events), Record):
        pass
    saved = first.checkpoint()
    tensors = {name: t for name, t in saved.tensors.items() if not name.startswith("optimiser.7.")}
    tensors["optimiser.7.exp_avg"] = torch.zeros(12)
    with pytest.raises(OtherVersion, match="earlier version of sbp"):
        Training(SMALL.replace(pretrain_epochs=0), digits, Checkpoint(tensors, saved.state))


def test_fine_tuning_keeps_what_is_removed_removed_and_the_noise_as_it_is(digits: Dataset) -> None:
    config = SMALL.replace(finetune_epochs=3, epochs=25, noise_lr=0.1)
    training = Training(config, digits)
    records = [event for event in training.events() if isinstance(event, Record)]
    main = next(record for record in records if record.epoch == config.schedule.epochs)
    assert sum(main.kept) < 784 + 12 + 8
    assert {record.kept for record in records if record.phase == "finetune"} == {main.kept}
    assert all(record.kl == pytest.approx(main.kl) for record in records if record.phase == "finetune")
    assert records[-1].epoch == 28


def test_what_is_averaged_is_what_is_judged_and_kept(digits: Dataset) -> None:
    """With a decay of 0.5 the average after n steps is worked out from the weights that each step left."""
    config = SMALL.replace(pretrain_epochs=0, epochs=1, finetune_epochs=1, average_decay=0.5, batch_size=400)
    training = Training(config, digits)
    expected, stepper = None, training.stepper
    step = stepper.step

    def watched() -> None:
        nonlocal expected
        weight = training.network.get_parameter("output.weight").detach().clone()
        step()
        if stepper.phase == "finetune":
            expected = weight if expected is None else expected
            expected = 0.5 * expected + 0.5 * training.network.get_parameter("output.weight").detach()

    stepper.step = watched  # type: ignore[method-assign]
    list(training.events())
    assert expected is not None
    torch.testing.assert_close(training.trained().get_parameter("output.weight").detach(), expected)
    torch.testing.assert_close(training.model_tensors()["output.weight"], expected)


def test_the_same_seed_gives_the_same_run_and_another_another(digits: Dataset) -> None:
    def last(seed: int) -> float:
        return [e for e in train(SMALL.replace(seed=seed), digits) if isinstance(e, Record)][-1].nll

    assert last(0) == last(0) != last(1)


def test_training_leaves_torchs_own_generator_alone(digits: Dataset) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    list(train(SMALL.replace(epochs=1, pretrain_epochs=0), digits))
    assert torch.equal(before, torch.random.get_rng_state())


def test_units_are_pruned_and_the_error_falls(digits: Dataset) -> None:
    config = SMALL.replace(epochs=40, pretrain_epochs=0, noise_lr=0.15, widths=(30, 20), batch_size=50)
    training = Training(config, digits)
    events = list(training.events())
    records = [e for e in events if isinstance(e, Record)]
    result = training.result()
    assert sum(records[0].kept) > 2 * sum(records[-1].kept) > 0
    assert result["test_error_percent"] < 25, "a tenth is right by chance"
    assert result["kept"] == list(records[-1].kept)
    assert result["macs_reduction"] == pytest.approx(result["macs_dense"] / result["macs"])
    assert (result["n_train"], result["n_validation"], result["n_test"]) == (1150, 287, 360)


def test_progress_counts_steps_and_foresees_the_first_prune(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", -1.0)
    config = SMALL.replace(epochs=30, noise_lr=0.05, pretrain_epochs=1)
    events = [e for e in train(config, digits) if isinstance(e, (Progress, Record))]
    progress = [e for e in events if isinstance(e, Progress)]
    assert [p.phase for p in progress[:10]] == ["pretrain"] * 10
    assert progress[0].epoch == progress[10].epoch == 1
    assert (progress[0].step, progress[0].steps) == (1, 31 * 11)
    assert progress[0].seconds_to_first_prune is None
    pruned = next(e.step for e in events if isinstance(e, Record) and sum(e.kept) < 784 + 12 + 8)
    early = next(p for p in progress if p.phase == "sbp" and p.step > pruned // 2)
    assert early.seconds_to_first_prune is not None
    foreseen = early.step + early.seconds_to_first_prune / early.seconds * early.step
    assert 0.5 * pruned < foreseen < 2 * pruned
    assert progress[-1].seconds_to_first_prune == 0.0


def test_numbers_that_blow_up_halt_the_run_and_keep_the_last_good_epoch(digits: Dataset) -> None:
    training = Training(SMALL.replace(pretrain_epochs=0, epochs=5), digits)
    events = training.events()
    while not isinstance(next(events), Record):
        pass
    good = {name: tensor.clone() for name, tensor in training.model_tensors().items()}
    with torch.no_grad():
        training.network.get_parameter("output.weight").fill_(float("nan"))
    with pytest.raises(Diverged, match="in epoch 2. The likely cause: the noise's learning rate") as caught:
        list(events)
    assert caught.value.epoch == 1
    assert all(torch.equal(tensor, good[name]) for name, tensor in training.model_tensors().items())


def test_kl_weights_come_from_the_macs_a_unit_owns() -> None:
    def weights(**values: object) -> tuple[float, ...]:
        config = RunConfig.flat(**values)
        return kl_weights(config.network, config.method)

    assert weights() == (1.0, 1.0, 1.0)
    assert weights(method="sbpa") == pytest.approx((1.0, 1084 / 500, 510 / 500))
    assert weights(network="lenet-5-caffe", method="sbpa", kl_weights=(60, 60, 1, 1)) == (60.0, 60.0, 1.0, 1.0)


def test_random_labels_are_the_seeds_and_the_test_set_keeps_its_own(digits: Dataset) -> None:
    first, second = (Training(SMALL.replace(random_labels=True, seed=s), digits).split for s in (0, 1))
    assert not torch.equal(first.train_y, second.train_y)
    assert torch.equal(first.test_y, second.test_y)
    assert torch.equal(first.test_y, load("digits").test_labels)
