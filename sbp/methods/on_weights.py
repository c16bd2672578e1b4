"""What methods that remove single weights have in common; a unit is removed with the last of its weights."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.methods.base import Method
from sbp.methods.dead_units import FoldedWeights, fold_dead_units, materialise
from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import described
from sbp.networks.registry import build_bare
from sbp.noise.selected_linear import replace_module
from sbp.pruning.masks import Masks
from sbp.spec.description import WeightLayer


class SparseLayer(nn.Module):
    """A dense or convolutional layer whose weights can be removed one by one; this one removes those that are 0.

    y = W x + b in training, y = (W * keep) x + b in eval; a subclass adds noise to the first and says in `alive` which
    weights stay. `inner` holds W and b. live: bool of W's shape, what `freeze` kept; `reapply_mask_`
    holds the rest at 0.
    """

    live: Tensor

    def __init__(self, inner: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("live", torch.ones_like(inner.weight, dtype=torch.bool))
        self.noise_enabled = True  # False: the inner layer and nothing else, as while pretraining
        self.frozen = False

    def alive(self) -> Tensor:
        """Which weights the method would keep now, bool of W's shape."""
        return self.inner.weight != 0

    @property
    def keep(self) -> Tensor:
        """Which weights are kept, bool of W's shape: all while off, and once frozen those that were alive then."""
        if not self.noise_enabled:
            return torch.ones_like(self.live)
        return self.live if self.frozen else self.alive()

    def plain_weight(self) -> Tensor:
        """W as eval has it, zero where a weight is removed."""
        return self.inner.weight * self.keep

    def forward(self, x: Tensor) -> Tensor:
        """What the inner layer puts out."""
        return self.through(x, self.inner.weight if self.training else self.plain_weight(), self.inner.bias)

    def through(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x through the inner layer with another weight and bias."""
        if isinstance(self.inner, nn.Linear):
            return functional.linear(x, weight, bias)
        return self.inner._conv_forward(x, weight, bias)

    @torch.no_grad()
    def freeze(self) -> None:
        """Removes for good what is not alive now."""
        self.live.copy_(self.keep)
        self.frozen = True
        self.reapply_mask_()

    @torch.no_grad()
    def reapply_mask_(self) -> None:
        """Puts what was removed back to 0; to be called after an optimiser's step."""
        self.inner.weight.mul_(self.live)


class OnWeights(Method):
    """A method whose layers of weights are `SparseLayer`s, and whose units are what is left of them."""

    def wrap(self, inner: nn.Linear | nn.Conv2d, wire: WeightLayer) -> SparseLayer:
        """What takes the place of one layer of weights."""
        raise NotImplementedError

    def build(self) -> nn.Module:
        """A network whose layers of weights are sparse ones and whose units have nothing on them."""
        network = build_bare(self.network_config.name, self.network_config.widths)
        for wire, inner in zip(described(network).weights, weight_layers(network).values(), strict=True):
            replace_module(network, wire.name, self.wrap(inner, wire))
        return network

    def layers(self, network: nn.Module) -> list[Any]:
        """The sparse layers in the order of the forward pass."""
        return [network.get_submodule(wire.name) for wire in described(network).weights]

    def weights(self, network: nn.Module) -> list[nn.Parameter]:
        """Weights and biases, and those of batch normalisations; what the noise learns is none of them."""
        own = [parameter for layer in self.layers(network) for parameter in layer.inner.parameters()]
        return [*own, *(parameter for norm in batch_norms(network) for parameter in norm.parameters())]

    def set_noise_enabled(self, network: nn.Module, on: bool) -> None:
        """The sparse layers on, or off, when they are ordinary ones."""
        for layer in self.layers(network):
            layer.noise_enabled = on

    def masks(self, network: nn.Module) -> Masks:
        """A unit is kept while something reaches it and something of it is read (`fold_dead_units`)."""
        return self._folded(network).masks

    def freeze(self, network: nn.Module) -> None:
        """Removes for good the weights that are removed now."""
        for layer in self.layers(network):
            layer.freeze()

    def reapply_masks_(self, network: nn.Module) -> None:
        """Puts the removed weights back to 0."""
        for layer in self.layers(network):
            layer.reapply_mask_()

    def materialise(self, network: nn.Module) -> nn.Module:
        """Ordinary layers with zeros, and a mask of 0 for each removed unit, its constant folded."""
        like = self.layers(network)[0].inner.weight.detach()
        return materialise(self._folded(network), like, network)

    @torch.no_grad()
    def _folded(self, network: nn.Module) -> FoldedWeights:
        weights, biases, after = {}, {}, {}
        for wire, layer in zip(described(network).weights, self.layers(network), strict=True):
            weights[wire.name] = layer.plain_weight().cpu().numpy()
            if wire.norm:
                biases[wire.name], scale, shift = normalisation(network.get_submodule(wire.norm))
                after[wire.name] = scale, shift
            else:
                biases[wire.name] = layer.inner.bias.cpu().numpy()
        return fold_dead_units(described(network), weights, biases, after)


def weight_layers(network: nn.Module) -> dict[str, nn.Linear | nn.Conv2d]:
    """The layers of weights of a network that nothing has been put on, in the order of the forward pass."""
    layers = {wire.name: network.get_submodule(wire.name) for wire in described(network).weights}
    return cast(dict[str, nn.Linear | nn.Conv2d], layers)


def normalisation(norm: nn.Module) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A batch normalisation as bias, scale and shift, float64 [units]: y = scale (x + bias) + shift, bias = -mean."""
    shift, scale, mean, variance = (
        norm.get_parameter(name).double() if name in ("bias", "weight") else norm.get_buffer(name).double()
        for name in ("bias", "weight", "running_mean", "running_var")
    )
    factor = scale / torch.sqrt(variance + norm.eps)  # type: ignore[operator]  # a number
    return -mean.cpu().numpy(), factor.cpu().numpy(), shift.cpu().numpy()
