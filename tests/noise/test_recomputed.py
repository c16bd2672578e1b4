"""What a backward pass computes again meets the theta of the forward pass: checkpoints, and products not kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sbp.noise import attach, find_layout, hooks
from tests.noise.small import Residual, call, joint, noisy, spread_noise

LOSS = torch.nn.functional.cross_entropy


def residual(run: Callable[..., Tensor] | None) -> nn.Module:
    """A network some of whose parts are checkpointed by `run`, by the layout of one without."""
    torch.manual_seed(0)
    model = Residual(run).train()
    spread_noise(attach(model, torch.zeros(2, 3, 8, 8), layout=find_layout(Residual(), torch.randn(2, 3, 8, 8))))
    return model


def gradients(model: nn.Module, passes: int = 1) -> list[Tensor]:
    """Of every parameter, after one backward pass through so many forward passes."""
    torch.manual_seed(1)
    inputs = [torch.randn(4 + i, 3, 8, 8) for i in range(passes)]
    torch.manual_seed(2)
    losses = [(i + 1) * model(x).square().mean() for i, x in enumerate(inputs)]
    (sum(losses) + joint(model).kl() / 100).backward()
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("passes", [1, 2, 3])
@pytest.mark.parametrize("reentrant", [True, False])
def test_a_checkpointed_part_meets_the_same_theta_again(reentrant: bool, passes: int) -> None:
    plain = gradients(residual(None), passes)
    thetas: list[Tensor] = []
    model = residual(partial(checkpoint, use_reentrant=reentrant))
    block = model.get_submodule("blocks.0.2")
    block.register_forward_pre_hook(lambda _, args: thetas.append(args[0].detach().clone()))
    made = gradients(model, passes)
    assert len(made) == len(plain)
    for one, other in zip(made, plain, strict=True):
        torch.testing.assert_close(one, other)
    assert len(thetas) == 2 * passes
    assert all(torch.equal(thetas[i], thetas[-1 - i]) for i in range(passes))


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_network_checkpointed_as_a_whole_draws_the_same_theta_again(reentrant: bool) -> None:
    model = residual(None)
    x = torch.randn(4, 3, 8, 8, requires_grad=True)
    grads = []
    for run in (model, partial(checkpoint, model, use_reentrant=reentrant)):
        torch.manual_seed(5)
        model.zero_grad()
        run(x).square().mean().backward()
        grads.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("how", ["plain", "autocast", "checkpoint", "reentrant"])
def test_a_product_computed_again_gives_the_same_gradients(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, whether a convolution keeps what it read or has it computed again."""
    run = {"checkpoint": partial(checkpoint, use_reentrant=False), "reentrant": partial(checkpoint, use_reentrant=True)}
    made = []
    for least in (2**60, 0):
        monkeypatch.setattr(hooks, "LARGE", least)
        with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
            made.append(gradients(residual(run.get(how)), passes=2))
    assert len(made[0]) == len(made[1]) > 4
    assert all(torch.equal(one, other) for one, other in zip(*made, strict=True))


def test_a_large_product_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    model, examples = noisy("conv")
    nodes: list[Any] = []
    model[3].register_forward_hook(lambda _, __, out: nodes.append(out.grad_fn))  # type: ignore[index]
    for least, again in ((2**60, False), (0, True)):
        monkeypatch.setattr(hooks, "LARGE", least)
        model(examples(4))
        first, second = (nodes[-1]._saved_input for _ in range(2))
        assert torch.equal(first, second)
        assert (first.data_ptr() != second.data_ptr()) is again


def test_a_product_computed_again_has_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A penalty on the gradient in the input: its own gradient in the weights is that of the kept product."""
    found = []
    for least in (2**60, 0):
        monkeypatch.setattr(hooks, "LARGE", least)
        model, examples = noisy("conv")
        x = examples(4).requires_grad_()  # type: ignore[union-attr]
        torch.manual_seed(3)
        with joint(model).using(theta=joint(model).draw(4)):
            (slope,) = torch.autograd.grad(call(model, x).square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), model[0].weight)[0])  # type: ignore[index]
    torch.testing.assert_close(found[0], found[1])
    assert found[0].abs().sum() > 0
