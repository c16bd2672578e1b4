"""Distillation: the term against PyTorch's own by hand, its gradient, and what of a training the teacher decides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sbp.data.datasets import Dataset, load
from sbp.spec import ConfigError, RunConfig
from sbp.spec.records import Record
from sbp.training.distillation import answers_of, distillation
from sbp.training.loop import Training

SMALL = RunConfig.flat(dataset="digits", widths=(8, 6), pretrain_epochs=2, epochs=1, batch_size=200, device="cpu")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_the_term_is_the_sum_it_says(temperature: float) -> None:
    student, teacher = torch.randn(2, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    p, q = (torch.softmax(logits / temperature, 1) for logits in (teacher, student))
    expected = temperature**2 * (p * (p / q).log()).sum(1).mean()
    assert torch.allclose(distillation(student, teacher, temperature), expected, rtol=1e-12)


def test_its_gradient_does_not_shrink_with_the_temperature() -> None:
    def gradient(temperature: float) -> Tensor:
        student = torch.tensor([[0.3, -0.2, 0.1]], dtype=torch.float64, requires_grad=True)
        distillation(student, torch.tensor([[0.1, 0.2, -0.1]], dtype=torch.float64), temperature).backward()
        assert student.grad is not None
        return student.grad

    # At high temperatures it tends to (z - t) / classes, for logits of mean 0 (Hinton et al., section 2.1).
    expected = torch.tensor([[0.3 - 0.1, -0.2 - 0.2, 0.1 + 0.1]]) - torch.tensor(0.0)
    expected = (expected - expected.mean()) / 3
    assert torch.allclose(gradient(1e4).float(), expected, rtol=1e-3)


def test_the_teacher_is_the_network_after_pretraining_and_stays(digits: Dataset) -> None:
    training = Training(SMALL.replace(distillation=1.0), digits)
    before: dict[str, Tensor] = {}
    for event in training.events():
        if isinstance(event, Record) and event.phase == "pretrain":
            assert training.stepper.teacher is None
            before = {name: tensor.detach().clone() for name, tensor in training.network.named_parameters()}
    teacher = training.stepper.teacher
    assert teacher is not None
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    taught = dict(teacher.named_parameters())
    assert all(torch.equal(taught[name], tensor) for name, tensor in before.items())


def test_the_loss_has_both_parts_and_the_nll_stays_the_nll(digits: Dataset) -> None:
    plain, none, whole = (
        next(
            e
            for e in Training(SMALL.replace(distillation=d), digits).events()
            if isinstance(e, Record) and e.phase == "sbp"
        )
        for d in (0.0, 1e-12, 1.0)
    )
    assert none.nll == pytest.approx(plain.nll, rel=1e-5)
    assert none.loss == pytest.approx(plain.loss, rel=1e-5)
    assert whole.loss - (plain.loss - plain.nll) < whole.nll  # a teacher of its own is nearer than the labels


def test_what_the_teacher_answers_once_is_what_it_would_answer_each_time(digits: Dataset) -> None:
    training = Training(SMALL.replace(distillation=0.5), digits)
    list(training.events())
    stepper = training.stepper
    assert stepper.teacher is not None
    assert stepper.answers is not None
    assert torch.allclose(stepper.answers, stepper.teacher(stepper.split.train_x), atol=1e-5)
    parts = answers_of(stepper.teacher, stepper.split.train_x, batch=7)
    assert torch.allclose(parts, stepper.answers, atol=1e-5)


def test_pretraining_with_dropout_is_training_with_dropout(digits: Dataset) -> None:
    """Weights, draws and errors as by the method of that name, and no noise where it is evaluated."""
    config = SMALL.replace(method="sbp", pretrain_dropout=0.4, pretrain_epochs=3)
    alone = SMALL.replace(method="binary-dropout", dropout=0.4, pretrain_epochs=0, epochs=3)
    found: list[tuple[list[Record], dict[str, Tensor]]] = []
    for one in (config, alone):
        training, records = Training(one, digits), []
        for event in training.events():
            if isinstance(event, Record):
                records.append(event)
                if len(records) == 3:
                    break
        found.append((records, {name: tensor.detach().clone() for name, tensor in training.network.named_parameters()}))
    (ours, weights), (theirs, expected) = found
    assert [(r.nll, r.train_error_percent) for r in ours] == [(r.nll, r.train_error_percent) for r in theirs]
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pretrain_epochs": 0}, "set pretrain_epochs above 0"),
        ({"network": "resnet-20", "dataset": "cifar-10", "widths": ()}, "resnet-20, which has no hidden dense neurons"),
        ({"method": "sparse-vd"}, "sparse-vd, whose noise is on single weights"),
    ],
)
def test_dropout_without_anything_to_drop_is_refused(more: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=f"pretrain_dropout.*expected 0 with.*{words}"):
        SMALL.replace(pretrain_dropout=0.5, **more)


def test_without_pretraining_there_is_no_teacher() -> None:
    with pytest.raises(ConfigError, match="distillation"):
        SMALL.replace(distillation=0.5, pretrain_epochs=0)
