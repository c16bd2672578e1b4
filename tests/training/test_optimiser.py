"""The optimiser against its formula by hand and torch's own, and that it goes on from what it remembers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from sbp.spec import OptimisationConfig
from sbp.training.optimiser import Optimiser

SGD = OptimisationConfig(optimiser="sgd")


def made(config: OptimisationConfig) -> tuple[Optimiser, list[nn.Parameter]]:
    """Two weights and what stands for noise, each with a rate of its own."""
    draw = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(3, 2, generator=draw)), nn.Parameter(torch.randn(2, generator=draw))]
    noise = nn.Parameter(torch.randn(4, generator=draw))
    return Optimiser(weights, [noise], torch.tensor([0.1, 0.02]), config), [*weights, noise]


def gradients(step: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(100 + step)
    return [torch.randn(shape, generator=draw) for shape in ((3, 2), (2,), (4,))]


def take(optimiser: Optimiser, step: int) -> None:
    for parameter, gradient in zip(optimiser.parameters, gradients(step), strict=True):
        parameter.grad = gradient
    optimiser.step()


def test_sgds_step_by_hand() -> None:
    """v <- 0.9 v + g and w <- w - lr (g + 0.9 v), g with the weight decay's part."""
    optimiser, parameters = made(OptimisationConfig(optimiser="sgd", weight_decay=0.3))
    by_hand = [parameter.detach().double() for parameter in parameters[:2]]
    speed = [torch.zeros_like(weight) for weight in by_hand]
    for step in range(5):
        rate = 0.1 / (step + 1)
        optimiser.rates[0] = rate
        for at, gradient in enumerate(gradients(step)[:2]):
            g = gradient.double() + 0.3 * by_hand[at]
            speed[at] = 0.9 * speed[at] + g
            by_hand[at] = by_hand[at] - rate * (g + 0.9 * speed[at])
        take(optimiser, step)
    for weight, wanted in zip(parameters, by_hand, strict=False):
        torch.testing.assert_close(weight.detach().double(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("config", [SGD, OptimisationConfig(weight_decay=0.3)], ids=["sgd", "adam"])
def test_the_noise_is_moved_by_adam_at_its_own_rate_without_decay(config: OptimisationConfig) -> None:
    optimiser, parameters = made(config)
    alone = nn.Parameter(parameters[2].detach().clone())
    adam = torch.optim.Adam([alone], lr=0.02)
    for step in range(5):
        take(optimiser, step)
        alone.grad = gradients(step)[2]
        adam.step()
    torch.testing.assert_close(parameters[2], alone)
    assert optimiser.learned == [parameters[2]]


@pytest.mark.parametrize("config", [SGD, OptimisationConfig()], ids=["sgd", "adam"])
def test_one_that_remembers_goes_on_as_the_other(config: OptimisationConfig) -> None:
    first, parameters = made(config)
    assert first.memory() == {}
    for step in range(3):
        take(first, step)
    second, others = made(config)
    with torch.no_grad():
        for other, parameter in zip(others, parameters, strict=True):
            other.copy_(parameter)
    memory = copy.deepcopy(first.memory())
    second.remember(memory)
    for step in range(3, 6):
        take(first, step)
        take(second, step)
    assert all(torch.equal(one, other) for one, other in zip(parameters, others, strict=True))
    assert set(memory) == {0, 1, 2}


def test_what_is_remembered_lies_in_memory_as_its_parameter_does() -> None:
    """A kernel with its channels last: fused kernels walk both in the order of memory."""
    weight = nn.Parameter(torch.randn(4, 3, 2, 2).to(memory_format=torch.channels_last))
    optimiser = Optimiser([weight], [], torch.tensor([0.1, 0.02]), SGD)
    optimiser.remember({0: {"momentum_buffer": torch.randn(4, 3, 2, 2)}})
    assert optimiser.memory()[0]["momentum_buffer"].stride() == weight.stride()
