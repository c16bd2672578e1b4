"""The snapshots of a phase's first steps: when, what they say, and that they cost the training nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from sbp.data.datasets import Dataset, load
from sbp.distributions import moments
from sbp.noise.install import joint_noise_of
from sbp.spec import RunConfig
from sbp.spec.records import Record, Snapshot, StepSnapshot
from sbp.training.early import early_steps
from sbp.training.errors import Diverged
from sbp.training.loop import Event, Training

# 23 steps an epoch: snapshots after 10 and 20 of the first, and on into the second.
SMALL = RunConfig.flat(
    dataset="digits", widths=(12, 8), pretrain_epochs=1, epochs=2, batch_size=50, noise_lr=0.1, device="cpu"
)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def steps_of(events: Iterator[Event] | list[Event]) -> list[StepSnapshot]:
    return [event for event in events if isinstance(event, StepSnapshot)]


def same(one: StepSnapshot, other: StepSnapshot) -> bool:
    pairs = [(one.loc, other.loc), (one.log_scale, other.log_scale)]
    return one.record == other.record and all(
        a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a) for a, b in pairs
    )


def test_they_are_close_at_first_and_end_at_a_thousand() -> None:
    steps = np.array(early_steps())
    assert set(range(20, 201, 20)) <= set(early_steps())
    assert 50 <= len(steps) <= 60
    assert steps[-1] <= 1000
    gaps = np.diff(steps)
    assert (gaps[steps[:-1] < 200] == 10).all()
    assert (np.diff(gaps) >= -1).all()  # never denser later, but for rounding
    assert gaps[-1] <= 0.06 * steps[-1]


@pytest.mark.parametrize("method", ["sbp", "binary-dropout", "sparse-vd"])
def test_they_say_where_each_phase_stands(digits: Dataset, method: str) -> None:
    events = list(Training(SMALL.replace(method=method, finetune_epochs=1), digits).events())
    shots = steps_of(events)
    assert [(shot.record.phase, shot.record.step) for shot in shots] == [
        *(("pretrain", step) for step in (10, 20)),
        *(("sbp", step) for step in (33, 43, 53, 63)),  # 69 is an epoch's end, and has its own
    ]
    assert [shot.record.epoch for shot in shots] == [(shot.record.step - 23) / 23 for shot in shots]
    n_train = 23 * 50
    for shot in shots:
        record, noisy = shot.record, shot.record.phase == "sbp" and method == "sbp"
        assert bool(shot.loc) == bool(shot.log_scale) == noisy
        assert (record.kept is not None) == noisy
        if noisy:
            snr = {name: moments.snr(shot.loc[name], shot.log_scale[name]) for name in shot.loc}
            assert record.kept == tuple(int((values >= 1).sum()) for values in snr.values())
            kl = sum(moments.kl(shot.loc[name], shot.log_scale[name]).sum() for name in shot.loc)
            assert record.kl == pytest.approx(kl, rel=1e-4)
            assert record.loss == pytest.approx(record.nll + record.kl_weighted / n_train, abs=1e-2)
    assert shots[0].record.kl == 0.0


def test_the_means_are_of_the_steps_between(digits: Dataset) -> None:
    """By an average over an epoch: of its parts, the last of which is what the epoch's record leaves."""
    training = Training(SMALL, digits)
    stepper, seen, found = training.stepper, [], []
    step = stepper.step

    def remembered() -> None:
        before = float(stepper.nll_sum)
        step()
        seen.append(float(stepper.nll_sum) - before)

    stepper.step = remembered  # type: ignore[method-assign]
    for event in training.events():
        if isinstance(event, StepSnapshot):
            found.append((len(seen), event.record.nll))
    starts = {10: 0, 20: 10, 33: 23, 43: 33, 53: 46, 63: 53}  # the mean starts again with each epoch
    assert [at for at, _ in found] == list(starts)
    for at, nll in found:
        assert nll == pytest.approx(np.mean(seen[starts[at] : at]), rel=1e-4)


@pytest.mark.parametrize("more", [{}, {"distillation": 0.7}, {"shrink_after": 1, "noise_lr": 0.3}])
def test_a_training_is_bit_equal_with_and_without_them(
    digits: Dataset, more: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SMALL.replace(**more)
    with_them = Training(config, digits)
    seen = list(with_them.events())
    monkeypatch.setattr("sbp.training.early.early_steps", lambda: ())
    without = Training(config, digits)
    rest = list(without.events())
    assert steps_of(seen)
    assert not steps_of(rest)
    nlls = [[(e.nll, e.loss, e.kept) for e in events if isinstance(e, Record)] for events in (seen, rest)]
    assert nlls[0] == nlls[1]
    for name, tensor in with_them.network.state_dict().items():
        assert torch.equal(tensor, without.network.state_dict()[name]), name
    ends = [[e for e in events if isinstance(e, Snapshot)][-1] for events in (seen, rest)]
    assert all(np.array_equal(ends[0].loc[name], ends[1].loc[name]) for name in ends[0].loc)


@pytest.mark.parametrize("more", [{}, {"distillation": 0.7}, {"shrink_after": 1, "noise_lr": 0.3}])
def test_resumed_anywhere_they_are_those_of_a_run_that_was_never_stopped(
    digits: Dataset, more: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", -1.0)  # an event after every step
    config = SMALL.replace(**more)
    expected = steps_of(Training(config, digits).events())
    for stop_after in range(0, 70, 6):
        first = Training(config, digits)
        events = first.events()
        seen = [next(events) for _ in range(stop_after + 1)]
        seen += list(Training(config, digits, first.checkpoint()).events())
        assert len(steps_of(seen)) == len(expected)
        assert all(same(one, other) for one, other in zip(steps_of(seen), expected, strict=True)), stop_after


def test_a_checkpoint_of_an_earlier_version_goes_on(digits: Dataset) -> None:
    training = Training(SMALL, digits)
    events = training.events()
    while not (isinstance(event := next(events), StepSnapshot) and event.record.step == 33):
        pass
    checkpoint = training.checkpoint()
    del checkpoint.state["early"]
    went_on = steps_of(Training(SMALL, digits, checkpoint).events())
    assert [shot.record.step for shot in went_on] == [43, 53, 63]


def test_one_that_is_not_finite_ends_the_run(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sbp.training.loop.PROGRESS_EVERY", 1e9)
    training = Training(SMALL.replace(pretrain_epochs=0), digits)
    events = training.events()
    next(events)
    joint_noise_of(training.network).loc.data[0] = float("nan")
    with pytest.raises(Diverged):
        next(event for event in events if isinstance(event, StepSnapshot))
