"""The paper's two LeNets, with the noise where the paper puts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.gates import Gate
from sbp.layer import SBPLayer
from sbp.networks.specs import SPECS


class NoisyNetwork(nn.Module):
    """A network whose SBP layers stand in `noise`, by the names of its spec and in that order, and whose batch
    normalisations, where it has any, in `norm`, by the names of the layers before them.

    gates: without learned noise, a `Gate` stands in the place of each. In a compact network (`sbp.networks.rebuild`)
    they have done their work: a selection of units, or nothing, stands in their place, and nothing in that of a
    normalisation. output: the layer that makes the logits.
    """

    spec_name: str
    output: nn.Linear

    def __init__(self, widths: Sequence[int] = (), gates: bool = False, **noise_options: Any) -> None:
        super().__init__()
        spec = SPECS[self.spec_name]
        self.widths = tuple(widths) or spec.widths
        self.layers = spec.layers(self.widths)
        self.norm = nn.ModuleDict()
        self.noise = nn.ModuleDict(
            {
                layer.name: Gate(layer.units) if gates else SBPLayer(layer.units, **noise_options)
                for layer in self.layers
            }
        )

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, rows and columns of what it reads."""
        return SPECS[self.spec_name].image

    @property
    def constant(self) -> bool:
        """Whether nothing of the image reaches the logits: a compact network with nothing left in some layer."""
        return 0 in self.widths

    def noise_layers(self) -> list[SBPLayer]:
        """The SBP layers in the order of the spec; none in a compact network.

        Raises ValueError for a network of gates, whose units have no mu and no log sigma.
        """
        if self.gates():
            raise ValueError(
                "This network's units have no mu and no log sigma, so no SNR: its method is none of sbp, sbpa and "
                "sbp-fixed-mu. Choose a run of one of these."
            )
        return [layer for layer in self.noise.values() if isinstance(layer, SBPLayer)]

    def gates(self) -> list[Gate]:
        """The gates in the order of the spec; none where the units have noise of their own."""
        return [layer for layer in self.noise.values() if isinstance(layer, Gate)]


class LeNet500300(NoisyNetwork):
    """784-500-300-10 with ReLU; theta on the pixels and after both hidden layers (section 5.3, Fig. 2).

    forward: [objects, 1, 28, 28] or [objects, 784], intensities in [0, 1] -> logits [objects, 10].
    """

    spec_name = "lenet-500-300"

    def __init__(self, widths: Sequence[int] = (), gates: bool = False, **noise_options: Any) -> None:
        super().__init__(widths, gates, **noise_options)
        first, second = self.widths
        self.dense1 = nn.Linear(784, first)
        self.dense2 = nn.Linear(first, second)
        self.output = nn.Linear(second, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [objects, 10]."""
        if self.constant:
            return self.output.bias.expand(x.shape[0], -1)
        x = self.noise["input"](x.flatten(1))
        x = self.noise["dense1"](functional.relu(self.dense1(x)))
        x = self.noise["dense2"](functional.relu(self.dense2(x)))
        return self.output(x)


class LeNet5Caffe(NoisyNetwork):
    """conv 5x5 (20), pool, conv 5x5 (50), pool, dense 500, dense 10; ReLU after all but the last.

    theta on the channels of both convolutions, on the 800 features that enter the dense part, and on its 500
    neurons (section 5.1: after each convolution and before each dense layer, so two layers of noise meet at the
    features). The noise of a channel stands after pooling: theta >= 0 is one factor for the whole map, so it passes
    through ReLU and maximum alike, and there are four times fewer numbers to multiply.

    forward: [objects, 1, 28, 28], intensities in [0, 1] -> logits [objects, 10].
    """

    spec_name = "lenet-5-caffe"

    def __init__(self, widths: Sequence[int] = (), gates: bool = False, **noise_options: Any) -> None:
        super().__init__(widths, gates, **noise_options)
        first, second, dense = self.widths
        self.conv1 = nn.Conv2d(1, first, 5)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.dense1 = nn.Linear(second * 16, dense)
        self.output = nn.Linear(dense, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [objects, 10]."""
        if self.constant:
            return self.output.bias.expand(x.shape[0], -1)
        x = self.noise["conv1"](functional.max_pool2d(functional.relu(self.conv1(x)), 2))
        x = self.noise["conv2"](functional.max_pool2d(functional.relu(self.conv2(x)), 2))
        x = self.noise["features"](torch.flatten(x, 1))
        x = self.noise["dense1"](functional.relu(self.dense1(x)))
        return self.output(x)
