"""Networks by other people, of the size that they are used at: ResNet-18, ResNet-50 and MobileNetV2 of transformers;
and a ResNet larger than those.

They come with random weights: a step and a forward pass take as long with one set of weights as with another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sbp.compaction import compact, masked
from sbp.evaluation.latency import Measurement, measure
from sbp.noise import attach, detach
from sbp.runs.names import BadRequest

# The prefix of the classes in transformers, and what their configs say.
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet-18": ("ResNet", {"hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2], "layer_type": "basic"}),
    "resnet-50": ("ResNet", {}),
    "resnet-326": ("ResNet", {"depths": [3, 37, 65, 3]}),  # of the same blocks: 100 million parameters, 50,000 units
    "mobilenet-v2": ("MobileNetV2", {"tf_padding": False}),
}
CLASSES = 1000
IMAGE_SIZE = 224
# Of the largest output: how far masked and compact may be apart in float32.
TOLERANCE = 1e-4


class Logits(nn.Module):
    """A network of transformers that gives its logits alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [examples, classes] of images [examples, 3, rows, columns]."""
        logits: torch.Tensor = self.network(images).logits
        return logits


def build(name: str, seed: int = 0) -> nn.Module:
    """One of `CONFIGS` with random weights, in training mode.

    Raises:
        BadRequest: transformers is not installed.
    """
    try:
        import transformers  # of the extra "track"; takes seconds to import
    except ModuleNotFoundError:
        raise BadRequest(f"{name} comes from transformers, which is not installed: pip install transformers.") from None
    family, settings = CONFIGS[name]
    config = getattr(transformers, f"{family}Config")(num_labels=CLASSES, **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Logits(getattr(transformers, f"{family}ForImageClassification")(config)).train()


def macs_of(network: nn.Module, image: tuple[int, int, int]) -> int:
    """Multiply-accumulates of one image [channels, rows, columns], counted in a forward pass.

    >>> macs_of(nn.Conv2d(3, 8, 3, bias=False), (3, 4, 4))
    864
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *image))
    return int(counter.get_total_flops()) // 2


def speed(
    network: nn.Module, share: float, image: tuple[int, int, int], seed: int = 0, **options: Any
) -> tuple[Measurement, dict[str, Any]]:
    """The speed of a network, dense and compact, that keeps this share of the units of every group, drawn with a seed.

    Before anything is timed, masked and compact outputs are compared once, on the CPU in float32.

    Args:
        network: without noise; changed.
        share: kept in every group, above 0 and at most 1; a group keeps one unit at least.
        image: channels, rows and columns.
        seed: of the masks.
        options: device, threads, batches, rounds, seconds and progress, as for `sbp.evaluation.latency.measure`.

    Returns:
        The measurement; and the MACs of both, and how far masked and compact are apart, of the largest output.

    Raises:
        ValueError: the share is not in its range.
        RuntimeError: masked and compact differ by more than `TOLERANCE`.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share: expected a share of the units above 0 and at most 1, got {share!r}.")
    draw = np.random.default_rng(seed)
    noise = attach(network.eval(), torch.rand(2, *image, generator=torch.Generator().manual_seed(seed)))
    sizes = {group.name: group.units for group in noise.groups}
    noise.set_masks({name: draw.permutation(n) < max(1, round(share * n)) for name, n in sizes.items()})
    small = compact(network)
    apart = _apart(masked(network), small, image)
    if apart > TOLERANCE:
        raise RuntimeError(f"Masked and compact differ by {apart:.1e} of the largest output; expected {TOLERANCE:g}.")
    networks = {"dense": detach(network), "compact": small}
    macs = {name: macs_of(one, image) for name, one in networks.items()}
    return measure(networks, image=image, **options), {"macs": macs, "apart": apart, "share": share, "seed": seed}


@torch.no_grad()
def _apart(one: nn.Module, other: nn.Module, image: tuple[int, int, int]) -> float:
    x = torch.randn(2, *image, generator=torch.Generator().manual_seed(1))
    wanted = one(x)
    return float((other(x) - wanted).abs().max() / wanted.abs().max())
