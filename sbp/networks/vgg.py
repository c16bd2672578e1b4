"""The VGG-like network of section 5.4: 13 convolutions and two dense layers, each but the last normalised by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.networks.lenet import NoisyNetwork
from sbp.networks.wiring import WIRING


class VGGLike(NoisyNetwork):
    """conv 64-64, 128-128, 256-256-256, 512-512-512, 512-512-512, dense 512, dense 10; 3x3 kernels, padding 1, 2x2
    pooling after each block; batch normalisation and ReLU after all but the last.

    theta on the channels of every convolution, on the 512 features that enter the dense part (32 x 32 pixels are
    pooled to one place, so a feature is a channel, and either takes the other along), and on its 512 neurons: 15
    layers of noise. As in LeNet-5-Caffe a channel's theta stands after the pooling. Removal is exact in spite of zero
    padding: what a removed channel emits is 0, like what it is padded with.
    `norm` holds the batch normalisations by the name of the layer before them; they are in the place of its bias. In a
    compact network they are folded into its weights, and the identity stands in their place.

    forward: [objects, 3, 32, 32], normalised by channel (`sbp.images`) -> logits [objects, 10].

    >>> network = VGGLike([2] * 14)
    >>> len(network.noise_layers()), network(torch.rand(2, 3, 32, 32)).shape
    (15, torch.Size([2, 10]))
    """

    spec_name = "vgg-like"

    def __init__(self, widths: Sequence[int] = (), gates: bool = False, **noise_options: Any) -> None:
        super().__init__(widths, gates, **noise_options)
        units = {layer.name: layer.units for layer in self.layers}
        for weights in WIRING[self.spec_name]:
            inputs, outputs = weights.inputs(units), weights.outputs(units)
            module: nn.Module
            if weights.kind == "conv":
                module = nn.Conv2d(inputs, outputs, 3, padding=weights.padding, bias=not weights.norm)
            else:
                module = nn.Linear(inputs, outputs, bias=not weights.norm)
            self.add_module(weights.name, module)
            if weights.norm:
                self.norm[weights.name] = (nn.BatchNorm2d if weights.kind == "conv" else nn.BatchNorm1d)(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [objects, 10]."""
        if self.constant:
            return self.output.bias.expand(x.shape[0], -1)
        for weights in WIRING[self.spec_name]:
            module = getattr(self, weights.name)
            if not weights.makes:
                break
            if weights.kind == "dense":
                x = self.noise["features"](torch.flatten(x, 1))
            x = functional.relu(self.norm[weights.name](module(x)))
            if weights.pool > 1:
                x = functional.max_pool2d(x, weights.pool)
            x = self.noise[weights.makes](x)
        return self.output(x)
