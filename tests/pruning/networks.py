"""Networks with random weights and random noise, and masks of every kind, for the tests of what is cut out of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sbp.networks.lenet import NoisyNetwork
from sbp.networks.plain import PLAIN
from sbp.networks.registry import build
from sbp.networks.specs import SPECS
from sbp.pruning.masks import Masks
from sbp.spec import DATASETS, fits

NAMES = tuple(SPECS)
PLAIN_NAMES = tuple(name for name in NAMES if name in PLAIN)
# Small enough for a test of seconds, and no width equal to another, so that a mixed-up axis shows.
WIDTHS = {
    "lenet-500-300": (23, 17), "lenet-5-caffe": (5, 7, 19), "vgg-like": (5, 6, 7, 5, 8, 6, 9, 7, 5, 8, 6, 7, 9, 11),
}  # fmt: skip
# A data set that it reads: the smallest.
DATASET = {name: next(data for data in ("digits", *DATASETS) if fits(name, data)) for name in NAMES}


def random_network(
    name: str, dtype: torch.dtype = torch.float64, seed: int = 0, own_widths: bool = False
) -> NoisyNetwork:
    """A network whose E[theta] are anywhere between 0.05 and 1 and whose biases matter, as do its batch statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(name, () if own_widths else WIDTHS[name])
    with torch.no_grad():
        for layer in network.noise_layers():
            layer.loc.copy_(torch.rand(layer.units, generator=generator) * 4 - 3)
            layer.log_scale.copy_(torch.rand(layer.units, generator=generator) * 6 - 3)
        for parameter_name, parameter in network.named_parameters():
            if parameter_name.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                # By draws alone nothing of the image would be left after thirteen layers: the next pass fills them in.
                norm.weight.copy_(torch.rand(norm.num_features, generator=generator) + 0.5)
                norm.momentum = 1.0
        network.eval().norm.train()
        network(images_for(network, 20))
    return network.train().to(dtype)


def images(n: int = 7, dtype: torch.dtype = torch.float64, seed: int = 1, name: str = "lenet-500-300") -> Tensor:
    """Random images that the network of this name reads, [n, C, H, W] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, *SPECS[name].image, generator=generator, dtype=torch.float64).to(dtype)


def images_for(network: NoisyNetwork, n: int = 7) -> Tensor:
    """The same for a network, in its own precision."""
    return images(n, network.output.weight.dtype, name=network.spec_name)


def cases(network: NoisyNetwork) -> Iterator[tuple[str, Masks]]:
    """Masks by name: everything, one unit a layer, three kinds of random ones, and nothing in each layer in turn."""
    sizes = {layer.name: layer.units for layer in network.layers}
    yield "all kept", {name: np.ones(n, bool) for name, n in sizes.items()}
    last = {name: np.arange(n) == n - 1 for name, n in sizes.items()}
    yield "one a layer", last
    for seed, share in enumerate((0.2, 0.5, 0.9)):
        random = np.random.default_rng(seed)
        yield f"random {share}", {name: random.random(n) < share for name, n in sizes.items()}
    for gone in sizes:
        yield f"nothing in {gone}", {name: np.ones(n, bool) & (name != gone) for name, n in sizes.items()}
    yield "nothing at all", {name: np.zeros(n, bool) for name, n in sizes.items()}
