"""A dense layer that reads some of its inputs: where nothing before it can leave the others out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.fx import Proxy
from torch.nn import functional


class SelectedLinear(nn.Linear):
    """y = W x[index] + b: a dense layer behind a selection of its inputs.

    It stands in a compact network where single pixels, or single features of a convolution's maps, have left. Where
    more inputs come in, `index` [in_features], a buffer and so part of the `state_dict`, says which are read; it rises.

    >>> layer = SelectedLinear(2, 1, index=torch.tensor([0, 2]))
    >>> layer(torch.zeros(5, 3)).shape
    torch.Size([5, 1])
    """

    index: Tensor

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, index: Tensor) -> None:
        super().__init__(in_features, out_features, bias)
        self.register_buffer("index", index)

    @classmethod
    def of(cls, linear: nn.Linear, index: Tensor) -> SelectedLinear:
        """The same layer, its parameters included, behind a selection."""
        with torch.device("meta"):
            layer = cls(linear.in_features, linear.out_features, linear.bias is not None, index=index)
        layer.weight, layer.bias = linear.weight, linear.bias
        layer.index = index.to(linear.weight.device)
        return layer.train(linear.training)

    def select(self, x: Tensor) -> Tensor:
        """[..., inputs] -> [..., in_features]; what has been selected already, as by noise on the inputs, stays."""
        # A proxy of torch.fx has no sizes; nothing has selected it.
        selected = not isinstance(x, Proxy) and x.shape[-1] == self.in_features
        return x if selected else x.index_select(-1, self.index)

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] -> [..., out_features]."""
        return functional.linear(self.select(x), self.weight, self.bias)


def replace_module(model: nn.Module, name: str, new: nn.Module) -> None:
    """Puts another module in the place of a network's submodule, wherever the same module stands."""
    old = model.get_submodule(name)
    for parent in list(model.modules()):
        for child_name, child in parent.named_children():
            if child is old:
                setattr(parent, child_name, new)
