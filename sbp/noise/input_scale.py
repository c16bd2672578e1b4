"""A fixed factor for every pixel, before a compact network that reads its image by convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sbp.noise.inputs import Arguments, first_tensor, with_first

NAME = "sbp_pixels"


class InputScale(nn.Module):
    """Holds E[theta] * keep of the pixels, a buffer [rows, columns], by which a compact network's input is multiplied.

    A convolution reads every pixel with the same weights, so pruned pixels cannot leave it; they are 0 before it.
    """

    factor: Tensor

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.register_buffer("factor", factor)

    def forward(self, x: Any) -> Any:
        """Its input: in an `nn.Sequential`, which calls all its submodules in turn, it stands last."""
        return x

    def scaled(self, x: Tensor) -> Tensor:
        """x times the factors, the same for all channels."""
        return x * self.factor.to(x.dtype)


class _ScaleInput:
    """The hook that applies it; refers to the module of the network that it is called on, so copies stay apart."""

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
        first = first_tensor(args, kwargs)
        scale: InputScale = module.get_submodule(NAME)  # type: ignore[assignment]  # what `scale_input` put there
        return with_first((args, kwargs), first, scale.scaled(first))


def scale_input(model: nn.Module, factor: Tensor) -> None:
    """Has a network multiply its input by one factor a pixel."""
    model.add_module(NAME, InputScale(factor))
    model.register_forward_pre_hook(_ScaleInput(), with_kwargs=True)


def like_parameters(model: nn.Module, values: Any) -> Tensor:
    """Values as a tensor on a network's device, in its floating-point type."""
    example = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    return torch.as_tensor(values).to(example.device, example.dtype)
