"""What a network costs, layer by layer, from the counts of its units alone: no model is built, no torch is loaded.

A masked network costs what the dense one costs: zeros are multiplied like any other number. Only the compact network,
whose counts these are, is cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbp.spec.description import Description
from sbp.spec.networks import SPECS

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class LayerCost:
    """One layer of weights: inputs and outputs in channels or features, and what it costs.

    params: weights and biases. macs: multiply-accumulates per image, no bias (FLOPs = 2 x MACs). activations: numbers
    that it puts out for one image, before pooling.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    params: int
    macs: int
    weight_bytes: int
    activations: int
    activation_bytes: int


@dataclass(frozen=True)
class Cost:
    """A network's layers of weights in the order of the forward pass, and their sums.

    The image itself is no activation. The places of selected units (8 bytes each, where a compact network has any)
    are no weights.
    """

    layers: tuple[LayerCost, ...]

    @property
    def params(self) -> int:
        """Weights and biases."""
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def weight_bytes(self) -> int:
        """Memory of the weights and biases."""
        return sum(layer.weight_bytes for layer in self.layers)

    @property
    def activations(self) -> int:
        """Numbers that all layers put out for one image."""
        return sum(layer.activations for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory of one image's activations, every layer's kept; times the batch size for a batch."""
        return sum(layer.activation_bytes for layer in self.layers)


def layer_costs(
    network: str | Description, kept: Sequence[int] = (), number_bytes: int = FLOAT32
) -> tuple[LayerCost, ...]:
    """What each layer of weights costs with so many units of each noise layer kept; empty: all of the network's own.

    network: its name, for the one at its own widths, or its description. kept: one count per noise layer, closed
    (`kept_counts`); a 0 makes it the constant predictor, whose only numbers are its output's biases. number_bytes:
    bytes a weight and an activation, 4 in float32.
    Raises ValueError for an unknown name, or counts that are not one per noise layer.

    >>> [layer.macs for layer in layer_costs("lenet-500-300", (245, 160, 55))]
    [39200, 8800, 550]
    >>> [layer.params for layer in layer_costs("lenet-5-caffe")]
    [520, 25050, 400500, 5010]
    """
    if isinstance(network, str):
        if network not in SPECS:
            raise ValueError(f"name: expected one of {', '.join(SPECS)}, got {network!r}.")
        network = SPECS[network]
    counts = network.counts(kept or [group.units for group in network.groups])
    costs = []
    for weights in network.weights:
        inputs, outputs = weights.inputs(counts), weights.outputs(counts)
        params, activations = weights.params(counts), weights.activations(counts)
        sizes = inputs, outputs, params, weights.macs(counts)
        memory = number_bytes * params, activations, number_bytes * activations
        costs.append(LayerCost(weights.name, weights.kind, *sizes, *memory))
    return tuple(costs)


def network_cost(network: str | Description, kept: Sequence[int] = (), number_bytes: int = FLOAT32) -> Cost:
    """What the whole network costs; arguments and errors as for `layer_costs`.

    >>> dense, small = network_cost("lenet-5-caffe"), network_cost("lenet-5-caffe", (3, 18, 284, 283))
    >>> f"{dense.macs:,} MACs, {dense.macs / small.macs:.2f}x fewer"
    '2,293,000 MACs, 10.78x fewer'
    """
    return Cost(layer_costs(network, kept, number_bytes))
