"""What is known of a network without building it: its noise layers, their units, and its MACs. No torch.

Pages count the MACs of a pruned network at any threshold from stored masks alone, so the arithmetic lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LayerInfo:
    """One noise layer: its name, what a unit is (pixel, channel, feature, neuron), how many, and their shape.

    `parent` names the layer of channels that these features are the pixels of, or is empty: a dead channel
    takes its features with it, and a channel none of whose features is left is dead.
    """

    name: str
    kind: str
    units: int
    shape: tuple[int, ...]
    parent: str = ""


@dataclass(frozen=True)
class NetworkSpec:
    """A network's name, its own widths, its noise layers at any widths, and its MACs for any kept counts.

    `macs(kept)` takes one kept count a noise layer and gives multiply-accumulates an image
    (conv and dense layers, no bias; FLOPs = 2 x MACs).

    >>> SPECS["lenet-500-300"].macs([784, 500, 300])
    545000
    >>> SPECS["lenet-5-caffe"].macs([20, 50, 800, 500])
    2293000
    """

    name: str
    title: str
    widths: tuple[int, ...]
    layers_of: Callable[[Sequence[int]], tuple[LayerInfo, ...]]
    macs: Callable[[Sequence[int]], int]

    def layers(self, widths: Sequence[int] = ()) -> tuple[LayerInfo, ...]:
        """The noise layers at these widths; no widths means the network's own."""
        return self.layers_of(widths or self.widths)

    def dense_macs(self, widths: Sequence[int] = ()) -> int:
        """MACs an image with every unit kept."""
        return self.macs([layer.units for layer in self.layers(widths)])

    def unit_macs(self, widths: Sequence[int] = ()) -> tuple[int, ...]:
        """MACs that one unit of each noise layer owns: what the dense network saves when that one unit goes.

        A channel's features go with it, so their MACs are its own too.

        >>> SPECS["lenet-5-caffe"].unit_macs()
        (94400, 40000, 500, 810)
        """
        layers = self.layers(widths)
        owned = []
        for gone in layers:
            left = [
                layer.units - (layer is gone) - (layer.parent == gone.name) * (layer.units // gone.units)
                for layer in layers
            ]
            owned.append(self.dense_macs(widths) - self.macs(left))
        return tuple(owned)


def _lenet_500_300_layers(widths: Sequence[int]) -> tuple[LayerInfo, ...]:
    first, second = widths
    return (
        LayerInfo("input", "pixel", 784, (28, 28)),
        LayerInfo("dense1", "neuron", first, (first,)),
        LayerInfo("dense2", "neuron", second, (second,)),
    )


def _lenet_500_300_macs(kept: Sequence[int]) -> int:
    pixels, first, second = kept
    return pixels * first + first * second + second * 10


def _lenet_5_caffe_layers(widths: Sequence[int]) -> tuple[LayerInfo, ...]:
    first, second, dense = widths
    return (
        LayerInfo("conv1", "channel", first, (first,)),
        LayerInfo("conv2", "channel", second, (second,)),
        # The 4 x 4 map of each of conv2's channels, flattened channel by channel.
        LayerInfo("features", "feature", second * 16, (second, 4, 4), parent="conv2"),
        LayerInfo("dense1", "neuron", dense, (dense,)),
    )


def _lenet_5_caffe_macs(kept: Sequence[int]) -> int:
    first, second, features, dense = kept
    # 5 x 5 kernels without padding: 28 -> 24, pooled to 12 -> 8, pooled to 4.
    return 24 * 24 * 25 * first + 8 * 8 * 25 * first * second + features * dense + dense * 10


SPECS: dict[str, NetworkSpec] = {
    spec.name: spec
    for spec in (
        NetworkSpec("lenet-500-300", "LeNet-500-300", (500, 300), _lenet_500_300_layers, _lenet_500_300_macs),
        NetworkSpec("lenet-5-caffe", "LeNet-5-Caffe", (20, 50, 500), _lenet_5_caffe_layers, _lenet_5_caffe_macs),
    )
}
