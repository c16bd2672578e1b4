"""Small networks with something unusual: attention, recurrence, shared or tied weights, other norms and shapes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.noise.zoo_handwritten import conv_bn, head


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
