"""Distillation: the term against PyTorch's own by hand, its gradient, and what of a training the teacher decides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sbp.data.datasets import Dataset, load
from sbp.spec import ConfigError, RunConfig
from sbp.spec.records import Record
from sbp.training.distillation import distillation
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


def test_without_pretraining_there_is_no_teacher() -> None:
    with pytest.raises(ConfigError, match="distillation"):
        SMALL.replace(distillation=0.5, pretrain_epochs=0)
