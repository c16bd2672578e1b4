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


class Encoder(nn.Module):
    """Two of torch's own transformer layers over a sequence of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(12, 32)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(dim=1))


class Mixer(nn.Module):
    """Dense layers over positions and over features in turn, without attention."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 24, 8, 8)
        self.norms = nn.ModuleList(nn.LayerNorm(24) for _ in range(4))
        self.tokens = nn.ModuleList(nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16)) for _ in range(2))
        self.features = nn.ModuleList(nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 24)) for _ in range(2))
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        for i in range(2):
            x = x + self.tokens[i](self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + self.features[i](self.norms[2 * i + 1](x))
        return self.head(x.mean(dim=1))


class LstmHead(nn.Module):
    """A recurrent network whose last state feeds two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(12, 24)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.hidden = nn.Linear(32, 24)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(torch.tanh(self.embed(x)))
        return self.head(torch.relu(self.hidden(states[:, -1])))


def group_norm() -> nn.Module:
    """Group norm mixes the channels of a group: their removal is not exact."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
        nn.Conv2d(16, 24, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(24, 32, 3, padding=1),
        nn.ReLU(),
        head(32),
    )


def grouped() -> nn.Module:
    """A convolution in four groups between plain ones."""
    return nn.Sequential(conv_bn(3, 16), conv_bn(16, 16, groups=4), conv_bn(16, 24), conv_bn(24, 24), head(24))


class Shared(nn.Module):
    """One convolution used twice in a row, so that its outputs are its own inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 16, stride=2)
        self.twice = nn.Conv2d(16, 16, 3, padding=1)
        self.after = conv_bn(16, 24)
        self.head = head(24)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = torch.relu(self.twice(x))
        x = torch.relu(self.twice(x))
        return self.head(self.after(x))


class Branches(nn.Module):
    """A maximum, a product, and features that are returned beside the logits: their units cannot leave."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 12, stride=2)
        self.left, self.right = conv_bn(12, 16), conv_bn(12, 16, 1)
        self.gate = nn.Conv2d(12, 16, 1)
        self.after = conv_bn(16, 24, stride=2)
        self.head = head(24)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        y = torch.maximum(self.left(x), self.right(x)) * torch.sigmoid(self.gate(x))
        y = self.after(y)
        return self.head(y), y.mean((2, 3))


class FixedReshape(nn.Module):
    """A reshape that holds the number of channels as a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.after = conv_bn(3, 8, stride=2), conv_bn(8, 16), conv_bn(16, 16)
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.after(self.inner(self.stem(x)))
        return self.head(y.reshape(-1, 16, 256).mean(dim=2))


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


class Gated(nn.Module):
    """A convolution whose halves multiply each other: unit i and unit i + 16 are one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.both, self.after = conv_bn(3, 12, stride=2), nn.Conv2d(12, 32, 3, padding=1), conv_bn(16, 16)
        self.head = head(16)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.both(self.stem(x)).chunk(2, dim=1)
        return self.head(self.after(value * torch.sigmoid(gate)))


class PaddedShortcut(nn.Module):
    """A residual network whose shortcut is widened by zeros, as in the first CIFAR ResNets."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = conv_bn(3, 8, stride=2), conv_bn(8, 12)
        self.outer, self.head = nn.Conv2d(12, 16, 3, padding=1), head(16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        shortcut = nn.functional.pad(x, (0, 0, 0, 0, 4, 4))
        return self.head(torch.relu(self.outer(self.inner(x)) + shortcut))


def local_response() -> nn.Module:
    """A normalisation by neighbouring channels, so weak that a wrong cut hardly shows."""
    return nn.Sequential(
        conv_bn(3, 16, stride=2),
        nn.Conv2d(16, 24, 3, 2, 1),
        nn.LocalResponseNorm(3),
        nn.ReLU(),
        conv_bn(24, 24),
        head(24),
    )


def weight_norm() -> nn.Module:
    """Weights computed from a direction and a length at each call."""
    norm = nn.utils.parametrizations.weight_norm
    return nn.Sequential(
        norm(nn.Conv2d(3, 12, 3, 2, 1)), nn.ReLU(), norm(nn.Conv2d(12, 16, 3, 2, 1)), nn.ReLU(), head(16)
    )


class TiedWeights(nn.Module):
    """Two dense layers that hold one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.first, self.second = nn.Linear(12, 24), nn.Linear(24, 24), nn.Linear(24, 24)
        self.second.weight = self.first.weight
        self.between, self.head = nn.Linear(24, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.second(torch.relu(self.first(torch.relu(self.embed(x))))))
        return self.head(torch.relu(self.between(x)))


class ChannelBuffer(nn.Module):
    """A fixed number for each channel in a buffer, outside any layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.after, self.head = nn.Conv2d(3, 12, 3, 2, 1), conv_bn(12, 16), head(16)
        self.register_buffer("offset", torch.randn(12, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.after(torch.relu(self.stem(x) + self.offset)))
