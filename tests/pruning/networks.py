"""Networks with random weights and random noise, and masks of every kind, for the tests of what is cut out of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sbp.compaction.compact import kept_units
from sbp.export.browser import why_not
from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.noise.install import joint_noise_of, noise_of
from sbp.noise.removal import present_units
from sbp.pruning.masks import Masks
from sbp.spec import DATASETS, fits
from sbp.spec.networks import SPECS

# ResNet-56 is the class of ResNet-20 with more blocks, and five times as slow.
NAMES = tuple(name for name in SPECS if name != "resnet-56")
PLAIN_NAMES = tuple(name for name in NAMES if not why_not(SPECS[name]))  # those that a browser computes
# Small enough for a test of seconds, and no width equal to another, so that a mixed-up axis shows.
WIDTHS = {
    "lenet-500-300": (23, 17),
    "lenet-5-caffe": (5, 7, 19),
    "vgg-like": (5, 6, 7, 5, 8, 6, 9, 7, 5, 8, 6, 7, 9, 11),
    "resnet-20": (8, 6, 7),
    "resnet-56": (3, 4, 5),
}
# A data set that it reads: the smallest.
DATASET = {name: next(data for data in ("digits", *DATASETS) if fits(name, data)) for name in SPECS}


def random_network(name: str, dtype: torch.dtype = torch.float64, seed: int = 0, own_widths: bool = False) -> nn.Module:
    """A network whose E[theta] are anywhere between 0.05 and 1 and whose biases matter, as do its batch statistics."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(name, () if own_widths else WIDTHS[name])
    noise = joint_noise_of(network)
    with torch.no_grad():
        for values, width, least in ((noise.loc, 4, -3), (noise.log_scale, 6, -3)):
            values.copy_(torch.rand(len(values), generator=generator) * width + least)
        for parameter_name, parameter in network.named_parameters():
            if parameter_name.endswith("bias"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 3)
        network.eval()
        for norm in batch_norms(network):
            # By draws alone nothing of the image would be left after thirteen layers: the next pass fills them in.
            norm.weight.copy_(torch.rand(norm.num_features, generator=generator) + 0.5)
            norm.momentum = 1.0
            norm.train()
        network(images_for(network, 20))
    return network.train().to(dtype)


def images(n: int = 7, dtype: torch.dtype = torch.float64, seed: int = 1, name: str = "lenet-500-300") -> Tensor:
    """Random images that the network of this name reads, [n, C, H, W] in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, *SPECS[name].image, generator=generator, dtype=torch.float64).to(dtype)


def images_for(network: nn.Module, n: int = 7) -> Tensor:
    """The same for a network, in its own precision."""
    return images(n, next(network.parameters()).dtype, name=described(network).name)


def cases(network: nn.Module) -> Iterator[tuple[str, Masks]]:
    """Masks by name: everything, one unit a layer, three kinds of random ones, and nothing in each layer in turn."""
    sizes = {layer.name: layer.units for layer in described(network).groups}
    yield "all kept", {name: np.ones(n, bool) for name, n in sizes.items()}
    last = {name: np.arange(n) == n - 1 for name, n in sizes.items()}
    yield "one a layer", last
    for seed, share in enumerate((0.2, 0.5, 0.9)):
        random = np.random.default_rng(seed)
        yield f"random {share}", {name: random.random(n) < share for name, n in sizes.items()}
    for empty in sizes:
        yield f"nothing in {empty}", {name: np.ones(n, bool) & (name != empty) for name, n in sizes.items()}
    yield "nothing at all", {name: np.zeros(n, bool) for name, n in sizes.items()}


def kept_of(network: nn.Module, masks: Masks | None = None) -> list[int]:
    """How many units of each group are kept, closed; without masks by the network's own noise."""
    noise = noise_of(network)
    return [int(mask.sum()) for mask in noise.layout.split(kept_units(noise, masks)).values()]


def present_of(network: nn.Module, masks: Masks) -> list[int]:
    """How many units of each group are in the tensors of the compact network: those kept, and one where none is."""
    noise = noise_of(network)
    present = present_units(noise.layout, kept_units(noise, masks))
    return [int(mask.sum()) for mask in noise.layout.split(present).values()]
