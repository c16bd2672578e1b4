"""Which weights stand between which noise layers: what compaction cuts and what a cost is the sum of. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CLASSES = 10


@dataclass(frozen=True)
class WeightLayer:
    """One dense or convolutional layer: its module's name, where its inputs come from and where its outputs go.

    reads: the noise layers that multiply what comes in, in the order of the forward pass; the last one's units are the
    inputs. Empty: the image itself, in `image_channels`. makes: the noise layer whose units are the outputs; empty: the
    classes. kernel: numbers of one kernel (1 in a dense layer). positions: where it is applied in one image. pool: the
    side of the squares that its outputs' maxima are taken of (1: none). padding: rows and columns of zeros around what
    comes in. norm: whether a batch normalisation follows it, and is folded into it in a compact network.

    >>> WIRING["lenet-5-caffe"][2].inputs({"conv2": 18, "features": 284})
    284
    """

    name: str
    kind: str
    reads: tuple[str, ...]
    makes: str
    kernel: int = 1
    positions: int = 1
    image_channels: int = 1
    pool: int = 1
    padding: int = 0
    norm: bool = False

    def inputs(self, kept: Mapping[str, int]) -> int:
        """Input channels or features when this many units of each noise layer are kept."""
        return kept[self.reads[-1]] if self.reads else self.image_channels

    def outputs(self, kept: Mapping[str, int]) -> int:
        """Output channels or neurons when this many units of each noise layer are kept."""
        return kept[self.makes] if self.makes else CLASSES

    def macs(self, kept: Mapping[str, int]) -> int:
        """Multiply-accumulates an image: every kernel once a position, the bias not counted."""
        return self.inputs(kept) * self.outputs(kept) * self.kernel * self.positions

    def params(self, kept: Mapping[str, int]) -> int:
        """Weights and biases; a batch normalisation counts as the bias that it is folded into."""
        return self.outputs(kept) * (self.inputs(kept) * self.kernel + 1)

    def activations(self, kept: Mapping[str, int]) -> int:
        """Numbers that the layer puts out for one image, before any pooling."""
        return self.outputs(kept) * self.positions


def _vgg_like() -> tuple[WeightLayer, ...]:
    """Five blocks of 3 x 3 kernels, padded by 1 and pooled at their end: 32 -> 16 -> 8 -> 4 -> 2 -> 1."""
    layers: list[WeightLayer] = []
    side, before = 32, ""
    for block, depth in enumerate((2, 2, 3, 3, 3), start=1):
        for number in range(1, depth + 1):
            name, reads, pool = f"conv{block}_{number}", (before,) if before else (), 2 if number == depth else 1
            layers.append(WeightLayer(name, "conv", reads, name, 9, side * side, 3, pool, padding=1, norm=True))
            before = name
        side //= 2
    return (
        *layers,
        WeightLayer("dense1", "dense", (before, "features"), "dense1", norm=True),
        WeightLayer("output", "dense", ("dense1",), ""),
    )


# In the order of the forward pass, one a module with a `weight` and a `bias` (in a compact network; before that a batch
# normalisation may stand in the bias's place).
WIRING: dict[str, tuple[WeightLayer, ...]] = {
    "lenet-500-300": (
        WeightLayer("dense1", "dense", ("input",), "dense1"),
        WeightLayer("dense2", "dense", ("dense1",), "dense2"),
        WeightLayer("output", "dense", ("dense2",), ""),
    ),
    # 5 x 5 kernels without padding: 28 -> 24, pooled to 12 -> 8, pooled to 4.
    "lenet-5-caffe": (
        WeightLayer("conv1", "conv", (), "conv1", kernel=25, positions=24 * 24, pool=2),
        WeightLayer("conv2", "conv", ("conv1",), "conv2", kernel=25, positions=8 * 8, pool=2),
        WeightLayer("dense1", "dense", ("conv2", "features"), "dense1"),
        WeightLayer("output", "dense", ("dense1",), ""),
    ),
    "vgg-like": _vgg_like(),
}
