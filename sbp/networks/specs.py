"""What is known of a network without building it: its noise layers, their units, and its MACs. No torch.

Pages count the MACs of a pruned network at any threshold from stored masks alone, so the arithmetic lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sbp.networks.wiring import WIRING


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

    image: channels, rows and columns of what it reads.

    >>> SPECS["lenet-500-300"].macs([784, 500, 300])
    545000
    >>> SPECS["lenet-5-caffe"].macs([20, 50, 800, 500])
    2293000
    >>> SPECS["vgg-like"].dense_macs()
    313463808
    """

    name: str
    title: str
    widths: tuple[int, ...]
    layers_of: Callable[[Sequence[int]], tuple[LayerInfo, ...]]
    image: tuple[int, int, int] = (1, 28, 28)

    def layers(self, widths: Sequence[int] = ()) -> tuple[LayerInfo, ...]:
        """The noise layers at these widths; no widths means the network's own."""
        return self.layers_of(widths or self.widths)

    def counts(self, kept: Sequence[int]) -> dict[str, int]:
        """Kept counts by the names of the noise layers, in whose order they come.

        Nothing kept in one layer leaves no way for the image, so nothing is left of any layer: the constant predictor.
        Raises ValueError unless there is one count a noise layer, none below 0.

        >>> SPECS["lenet-500-300"].counts([245, 160, 55])
        {'input': 245, 'dense1': 160, 'dense2': 55}
        """
        names = [layer.name for layer in self.layers()]
        if len(kept) != len(names) or min(kept) < 0:
            raise ValueError(f"kept: expected a count for each of {', '.join(names)}, got {list(kept)}.")
        return {name: int(count) if all(kept) else 0 for name, count in zip(names, kept, strict=True)}

    def macs(self, kept: Sequence[int]) -> int:
        """Multiply-accumulates an image with these kept counts, one a noise layer.

        Conv and dense layers, no bias; FLOPs = 2 x MACs.
        """
        counts = self.counts(kept)
        return sum(weights.macs(counts) for weights in WIRING[self.name])

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


def _lenet_5_caffe_layers(widths: Sequence[int]) -> tuple[LayerInfo, ...]:
    first, second, dense = widths
    return (
        LayerInfo("conv1", "channel", first, (first,)),
        LayerInfo("conv2", "channel", second, (second,)),
        # The 4 x 4 map of each of conv2's channels, flattened channel by channel.
        LayerInfo("features", "feature", second * 16, (second, 4, 4), parent="conv2"),
        LayerInfo("dense1", "neuron", dense, (dense,)),
    )


def _vgg_like_layers(widths: Sequence[int]) -> tuple[LayerInfo, ...]:
    made = [weights.makes for weights in WIRING["vgg-like"] if weights.makes]
    *channels, dense = [
        LayerInfo(name, "neuron" if name == "dense1" else "channel", width, (width,))
        for name, width in zip(made, widths, strict=True)
    ]
    last = channels[-1]
    # The map of each of the last channels is a single place: there are as many features as channels.
    features = LayerInfo("features", "feature", last.units, (last.units,), parent=last.name)
    return (*channels, features, dense)


_VGG_WIDTHS = (64, 64, 128, 128, 256, 256, 256, *[512] * 6, 512)

SPECS: dict[str, NetworkSpec] = {
    spec.name: spec
    for spec in (
        NetworkSpec("lenet-500-300", "LeNet-500-300", (500, 300), _lenet_500_300_layers),
        NetworkSpec("lenet-5-caffe", "LeNet-5-Caffe", (20, 50, 500), _lenet_5_caffe_layers),
        NetworkSpec("vgg-like", "VGG-like", _VGG_WIDTHS, _vgg_like_layers, image=(3, 32, 32)),
    )
}


def widths_of(k: float, network: str = "vgg-like") -> tuple[int, ...]:
    """A network's widths at the scale k: width(k) = k x its own (Table 2), rounded, at least 1.

    Raises ValueError unless k is above 0.

    >>> widths_of(1.5)[:7], sum(layer.units for layer in SPECS["vgg-like"].layers(widths_of(1)))
    ((96, 96, 192, 192, 384, 384, 384), 5248)
    """
    if not k > 0:
        raise ValueError(f"k: expected a scale above 0, got {k!r}.")
    return tuple(max(1, round(k * width)) for width in SPECS[network].widths)


def scale_of(widths: Sequence[int], network: str = "vgg-like") -> float | None:
    """The scale k of which `widths_of` makes these widths; None where no k to two decimals does.

    >>> scale_of(()), scale_of(widths_of(1.5)), scale_of((1000, 1000), "lenet-500-300")
    (1.0, 1.5, None)
    """
    own = SPECS[network].widths
    k = round(max(widths) / max(own), 2) if widths else 1.0
    return k if k > 0 and tuple(widths or own) == widths_of(k, network) else None
