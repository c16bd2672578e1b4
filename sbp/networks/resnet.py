"""ResNet-20 and ResNet-56 for images of 32 x 32: three stages of residual blocks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut; where the shape changes, the shortcut is a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """ReLU of the sum of both ways."""
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResNet20(nn.Module):
    """A 3x3 convolution, three stages of three blocks at 32, 16 and 8 pixels a side, the mean over the map, dense 10.

    Args:
        widths: channels of the three stages.
        image_channels: of the images it reads.
        depth: blocks a stage.

    forward: [examples, 3, 32, 32], normalised by channel (`sbp.spec.images`) -> logits [examples, 10].

    Reference: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2, with projections (B).
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64), image_channels: int = 3, depth: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image_channels, widths[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.stages = nn.ModuleList()
        inputs = widths[0]
        for number, width in enumerate(widths):
            strides = [1 if number == 0 else 2, *[1] * (depth - 1)]
            blocks = [Block(inputs if first == 0 else width, width, stride) for first, stride in enumerate(strides)]
            self.stages.append(nn.Sequential(*blocks))
            inputs = width
        self.output = nn.Linear(inputs, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [examples, 10]."""
        x = functional.relu(self.norm(self.conv(x)))
        for stage in self.stages:
            x = stage(x)
        return self.output(x.mean((2, 3)))


class ResNet56(ResNet20):
    """The same with nine blocks a stage."""

    def __init__(self, widths: Sequence[int] = (16, 32, 64), image_channels: int = 3, depth: int = 9) -> None:
        super().__init__(widths, image_channels, depth)
