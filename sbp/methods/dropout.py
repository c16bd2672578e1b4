"""Training without learned noise: weight decay alone, and the two classic kinds of dropout."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sbp.gates import Gate
from sbp.methods.base import Method
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.registry import build_for
from sbp.pruning.masks import Masks
from sbp.spec import DropoutConfig


class Original(Method):
    """The network as it is: an L2 penalty on the weights, no noise, and every unit kept.

    >>> from sbp.spec import RunConfig
    >>> method = Original(RunConfig.flat(method="original", widths=(4, 3)))
    >>> {name: int(keep.sum()) for name, keep in method.masks(method.build()).items()}
    {'input': 784, 'dense1': 4, 'dense2': 3}
    """

    def build(self) -> NoisyNetwork:
        """A network of gates, all open."""
        return build_for(self.config)

    def switch(self, network: NoisyNetwork, on: bool) -> None:
        """The gates on or off."""
        for gate in network.gates():
            gate.active = on

    def masks(self, network: NoisyNetwork) -> Masks:
        """Every unit is kept."""
        return {info.name: gate.keep.cpu().numpy() for info, gate in zip(network.layers, network.gates(), strict=True)}


class BinaryDropout(Original):
    """y = x * m / (1 - p), m ~ Bernoulli(1 - p): each hidden dense neuron of each object is dropped with probability
    p = `settings.dropout`, and what stays is scaled up, so that the mean is x and eval needs no factor.

    Reference: Srivastava et al., Dropout, JMLR 2014. The pixels, the channels and the features that enter the dense
    part are not dropped.
    """

    settings: DropoutConfig

    def draw(self, network: NoisyNetwork, objects: int, generator: torch.Generator) -> None:
        """A multiplier for every object and hidden dense neuron."""
        for gate in _of_neurons(network):
            empty = network.output.weight.new_empty(objects, gate.units, requires_grad=False)
            gate.drawn = self.noise_(empty, generator)

    def settle(self, network: NoisyNetwork) -> None:
        """Forgets the draws."""
        for gate in network.gates():
            gate.drawn = None

    def hold(self, network: NoisyNetwork) -> None:
        """Forgets the draws."""
        self.settle(network)

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place, so that a CUDA graph can hold the draw."""
        stay = 1 - self.settings.dropout
        return empty.bernoulli_(stay, generator=generator).div_(stay)


class GaussianDropout(BinaryDropout):
    """y = x * theta, theta ~ N(1, p / (1 - p)): as much noise as binary dropout's, with the same mean and variance.

    Reference: Srivastava et al., Dropout, JMLR 2014, section 10.
    """

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place, so that a CUDA graph can hold the draw."""
        p = self.settings.dropout
        return empty.normal_(1, math.sqrt(p / (1 - p)), generator=generator)


def _of_neurons(network: NoisyNetwork) -> list[Gate]:
    """The gates of the hidden dense neurons."""
    pairs = zip(network.layers, network.gates(), strict=True)
    return [gate for info, gate in pairs if info.kind == "neuron"]
