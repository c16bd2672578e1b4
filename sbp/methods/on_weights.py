"""What methods that remove single weights have in common; a unit goes when all of its weights have gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.methods.base import Group, Method
from sbp.methods.plainly import Plain, plain_network, plainly
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.registry import build_for
from sbp.networks.wiring import WIRING, WeightLayer
from sbp.pruning.masks import Masks


class SparseLayer(nn.Module):
    """A dense or convolutional layer whose weights can be removed one by one; this one removes those that are 0.

    y = W x + b in training, y = (W * keep) x + b in eval; a subclass adds noise to the first and says in `alive` which
    weights stay. `inner` holds W and b. live: bool of W's shape, what `freeze` found alive; `hold` keeps the rest at 0.
    """

    live: Tensor

    def __init__(self, inner: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("live", torch.ones_like(inner.weight, dtype=torch.bool))
        self.active = True  # False: the inner layer and nothing else, as while pretraining
        self.frozen = False

    def alive(self) -> Tensor:
        """Which weights the method would keep now, bool of W's shape."""
        return self.inner.weight != 0

    @property
    def keep(self) -> Tensor:
        """Which weights are kept, bool of W's shape: all while off, and once frozen those that were alive then."""
        if not self.active:
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
        self.hold()

    @torch.no_grad()
    def hold(self) -> None:
        """Puts what was removed back to 0; to be called after an optimiser's step."""
        self.inner.weight.mul_(self.live)


class OnWeights(Method):
    """A method whose layers of weights are `SparseLayer`s, and whose units are what is left of them."""

    def wrap(self, inner: nn.Linear | nn.Conv2d, wire: WeightLayer) -> SparseLayer:
        """What takes the place of one layer of weights."""
        raise NotImplementedError

    def build(self) -> NoisyNetwork:
        """A network whose layers of weights are sparse ones and whose units have nothing on them."""
        network = build_for(self.config)
        for gate in network.gates():
            gate.active = False  # all open, so the identity does as well
        for wire in WIRING[network.spec_name]:
            setattr(network, wire.name, self.wrap(getattr(network, wire.name), wire))
        return network

    def layers(self, network: NoisyNetwork) -> list[Any]:
        """The sparse layers in the order of the forward pass."""
        return [getattr(network, wire.name) for wire in WIRING[network.spec_name]]

    def groups(self, network: NoisyNetwork) -> list[Group]:
        """Weights and biases alone."""
        return [Group(self.weights(network), "lr", self.config.optimisation.weight_decay)]

    def weights(self, network: NoisyNetwork) -> list[nn.Parameter]:
        """Weights and biases, and those of batch normalisations; what the noise learns is none of them."""
        own = [parameter for layer in self.layers(network) for parameter in layer.inner.parameters()]
        return [*own, *network.norm.parameters()]

    def switch(self, network: NoisyNetwork, on: bool) -> None:
        """The sparse layers on, or off, when they are ordinary ones."""
        for layer in self.layers(network):
            layer.active = on

    def masks(self, network: NoisyNetwork) -> Masks:
        """A unit is kept while something reaches it and something of it is read (`plainly`)."""
        return self._plain(network).masks

    def freeze(self, network: NoisyNetwork) -> None:
        """Removes for good the weights that are removed now."""
        for layer in self.layers(network):
            layer.freeze()

    def hold(self, network: NoisyNetwork) -> None:
        """Puts the removed weights back to 0."""
        for layer in self.layers(network):
            layer.hold()

    def plain(self, network: NoisyNetwork) -> NoisyNetwork:
        """Ordinary layers with zeros, and a gate that is shut for each unit that is gone, its constant folded."""
        like = self.layers(network)[0].inner.weight.detach()
        return plain_network(self.config, self._plain(network), like, network.norm)

    @torch.no_grad()
    def _plain(self, network: NoisyNetwork) -> Plain:
        names = [wire.name for wire in WIRING[network.spec_name]]
        layers = dict(zip(names, self.layers(network), strict=True))
        weights = {name: layer.plain_weight().cpu().numpy() for name, layer in layers.items()}
        biases = {name: layer.inner.bias.cpu().numpy() for name, layer in layers.items() if name not in network.norm}
        after = {}
        for name, norm in network.norm.items():
            biases[name], scale, shift = normalisation(norm)
            after[name] = scale, shift
        return plainly(network.spec_name, network.layers, weights, biases, after)


def normalisation(norm: nn.Module) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A batch normalisation as bias, scale and shift, float64 [units]: y = scale (x + bias) + shift, bias = -mean."""
    shift, scale, mean, variance = (
        norm.get_parameter(name).double() if name in ("bias", "weight") else norm.get_buffer(name).double()
        for name in ("bias", "weight", "running_mean", "running_var")
    )
    factor = scale / torch.sqrt(variance + norm.eps)  # type: ignore[operator]
    return -mean.cpu().numpy(), factor.cpu().numpy(), shift.cpu().numpy()
