"""The VGG-like network of section 5.4: 13 convolutions and two dense layers, each but the last normalised by batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from sbp.spec.networks import NETWORKS

BLOCKS = (2, 2, 3, 3, 3)


class VGGLike(nn.Module):
    """conv 64-64, 128-128, 256-256-256, 512-512-512, 512-512-512, dense 512, dense 10; 3x3 kernels, padding 1, 2x2
    pooling after each block; batch normalisation and ReLU after all but the last.

    `norm` holds the batch normalisations by the name of the layer before them, in whose bias's place they are.

    Args:
        widths: channels of the 13 convolutions, neurons of the hidden dense layer.

    forward: [examples, 3, 32, 32], normalised by channel (`sbp.spec.images`) -> logits [examples, 10].

    Reference: Neklyudov et al., NeurIPS 2017, section 5.4.
    """

    def __init__(self, widths: Sequence[int] = NETWORKS["vgg-like"].widths) -> None:
        super().__init__()
        self.norm = nn.ModuleDict()
        channels = 3
        *convolutions, dense = widths
        for name, width in zip(self.convolutions(), convolutions, strict=True):
            self.add_module(name, nn.Conv2d(channels, width, 3, padding=1, bias=False))
            self.norm[name] = nn.BatchNorm2d(width)
            channels = width
        # 32 x 32 pixels are pooled to one place, so a feature is a channel.
        self.dense1 = nn.Linear(channels, dense, bias=False)
        self.norm["dense1"] = nn.BatchNorm1d(dense)
        self.output = nn.Linear(dense, 10)

    @staticmethod
    def convolutions() -> list[str]:
        """The names of the convolutions, "conv1_1" to "conv5_3"."""
        return [f"conv{block}_{number}" for block, depth in enumerate(BLOCKS, 1) for number in range(1, depth + 1)]

    def forward(self, x: Tensor) -> Tensor:
        """Logits [examples, 10]."""
        for block, depth in enumerate(BLOCKS, 1):
            for number in range(1, depth + 1):
                name = f"conv{block}_{number}"
                x = functional.relu(self.norm[name](getattr(self, name)(x)))
            x = functional.max_pool2d(x, 2)
        x = functional.relu(self.norm["dense1"](self.dense1(x.flatten(1))))
        return self.output(x)
