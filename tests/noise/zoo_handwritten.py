"""Small networks written for the test, one for each way in which layers can depend on each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def head(channels: int, classes: int = 10) -> nn.Sequential:
    """Global average pooling and a dense layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def mlp() -> nn.Module:
    """Three dense layers, other activations than the paper's."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 32), nn.Sigmoid(), nn.Linear(32, 10))


def mlp_batch_norm() -> nn.Module:
    """Batch norm over neurons: a removed unit's normalisation leaves with it."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 48),
        nn.BatchNorm1d(48),
        nn.ELU(),
        nn.Linear(48, 32),
        nn.BatchNorm1d(32),
        nn.GELU(),
        nn.Linear(32, 10),
    )


def vgg11() -> nn.Module:
    """VGG-11 with batch norm; its last pooling leaves 2 x 2 positions, so one channel is four features."""
    layers: list[nn.Module] = []
    inputs = 3
    for width, pools in [
        (8, True),
        (16, True),
        (32, False),
        (32, True),
        (48, False),
        (48, True),
        (48, False),
        (48, False),
    ]:
        layers.append(conv_bn(inputs, width))
        if pools:
            layers.append(nn.MaxPool2d(2))
        inputs = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(48 * 4, 64), nn.ReLU(), nn.Dropout(), nn.Linear(64, 10))


class Basic(nn.Module):
    """A residual block; where the shape changes, a 1 x 1 convolution stands in the shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if stride > 1 or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet20() -> nn.Module:
    """ResNet-20 at half its width."""
    blocks = [
        Basic(inputs, outputs, stride)
        for inputs, outputs, stride in [
            (8, 8, 1),
            (8, 8, 1),
            (8, 8, 1),
            (8, 16, 2),
            (16, 16, 1),
            (16, 16, 1),
            (16, 32, 2),
            (32, 32, 1),
            (32, 32, 1),
        ]
    ]
    return nn.Sequential(conv_bn(3, 8), *blocks, head(32))


class PreActivation(nn.Module):
    """A residual block that normalises first: the sum itself is never normalised."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(y)
        return self.conv2(torch.relu(self.bn2(self.conv1(y)))) + shortcut


def preact() -> nn.Module:
    """Three stages of pre-activation blocks."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        PreActivation(8, 8, 1),
        PreActivation(8, 16, 2),
        PreActivation(16, 24, 2),
        nn.BatchNorm2d(24),
        nn.ReLU(),
        head(24),
    )


class Dense(nn.Module):
    """Each layer reads all before it: batch norm and convolution stand behind a concatenation."""

    def __init__(self, inputs: int, growth: int, layers: int) -> None:
        super().__init__()
        widths = [inputs + growth * i for i in range(layers)]
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.convs = nn.ModuleList(nn.Conv2d(width, growth, 3, padding=1, bias=False) for width in widths)

    def forward(self, x: Tensor) -> Tensor:
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.cat([x, conv(torch.relu(norm(x)))], dim=1)
        return x


def densenet() -> nn.Module:
    """Two dense blocks with a transition between."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        Dense(16, 8, 3),
        conv_bn(40, 20, 1),
        nn.AvgPool2d(2),
        Dense(20, 8, 3),
        nn.BatchNorm2d(44),
        nn.ReLU(),
        head(44),
    )


def depthwise() -> nn.Module:
    """Depthwise and pointwise convolutions in turn."""
    layers: list[nn.Module] = [conv_bn(3, 12, stride=2)]
    for inputs, outputs, stride in [(12, 24, 1), (24, 24, 2), (24, 32, 1)]:
        layers += [conv_bn(inputs, inputs, stride=stride, groups=inputs), conv_bn(inputs, outputs, 1)]
    return nn.Sequential(*layers, head(32))


class SqueezeExcite(nn.Module):
    """A channel's factor computed from all channels, by dense layers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 2)
        self.excite = nn.Linear(channels // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        factor = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * factor[:, :, None, None]


def squeeze_excite() -> nn.Module:
    """Squeeze-excite behind plain convolutions."""
    return nn.Sequential(
        conv_bn(3, 16, stride=2),
        SqueezeExcite(16),
        conv_bn(16, 24, stride=2),
        SqueezeExcite(24),
        conv_bn(24, 32),
        head(32),
    )


class UNet(nn.Module):
    """Skips by concatenation, upsampling by interpolation and by a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = conv_bn(3, 8), conv_bn(8, 16), conv_bn(16, 24)
        self.raise2 = nn.ConvTranspose2d(24, 16, 2, stride=2)
        self.up2, self.up1 = conv_bn(32, 16), conv_bn(24, 8)
        self.output = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down1(x)
        second = self.down2(nn.functional.max_pool2d(first, 2))
        y = self.raise2(self.bottom(nn.functional.max_pool2d(second, 2)))
        y = self.up2(torch.cat([y, second], dim=1))
        y = nn.functional.interpolate(y, scale_factor=2, mode="nearest")
        return self.output(self.up1(torch.cat([y, first], dim=1)))


def autoencoder() -> nn.Module:
    """An image in, an image out, through a narrow middle and transposed convolutions."""
    return nn.Sequential(
        conv_bn(1, 8, stride=2),
        conv_bn(8, 16, stride=2),
        nn.ConvTranspose2d(16, 8, 2, stride=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 2, stride=2),
    )


def conv1d() -> nn.Module:
    """One-dimensional convolutions with dilation over a signal of three channels."""
    return nn.Sequential(
        nn.Conv1d(3, 16, 5, padding=2),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(16, 24, 3, padding=2, dilation=2),
        nn.LeakyReLU(0.1),
        nn.Conv1d(24, 24, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


class Conv3d(nn.Module):
    """Three-dimensional convolutions over a short clip."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(1, 8, 3, padding=1),
            nn.BatchNorm3d(8),
            nn.ReLU(),
            nn.MaxPool3d(2),
            nn.Conv3d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv3d(16, 16, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)
