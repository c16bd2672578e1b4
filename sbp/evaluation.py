"""What a network is worth as it stands: its error with the noise at its mean and pruned units at 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sbp.layer import SBPLayer
from sbp.networks.lenet import NoisyNetwork
from sbp.objective import mean_and_keep
from sbp.records import Snapshot

# Large enough to fill a device, small enough for a laptop's memory.
BATCH = 2500


@contextmanager
def means_held(network: NoisyNetwork) -> Iterator[None]:
    """Works out E[theta] * keep of every unit or weight once for all batches evaluated in it, not once a batch."""
    layers = [layer for layer in network.modules() if isinstance(layer, SBPLayer)]
    if layers:
        for layer, (mean, keep) in zip(layers, mean_and_keep(layers), strict=True):
            layer.held = mean * keep
    try:
        yield
    finally:
        for layer in layers:
            layer.held = None


@torch.no_grad()
def error_percent(network: NoisyNetwork, images: Tensor, labels: Tensor) -> float:
    """100 x the share of objects whose largest logit is not their label, theta = E[theta] * keep; ends in eval mode."""
    network.eval()
    wrong = torch.zeros((), dtype=torch.long, device=labels.device)
    with means_held(network):
        for start in range(0, len(labels), BATCH):
            part = slice(start, start + BATCH)
            wrong += (network(images[part]).argmax(1) != labels[part]).sum()
    return 100.0 * int(wrong) / len(labels)


@torch.no_grad()
def recalibrate(network: NoisyNetwork, images: Tensor) -> None:
    """Sets the mean and variance of every batch normalisation to what it sees of these images in eval mode, theta at
    E[theta] * keep; ends in eval mode. Training only sees them with noise, whose variance adds to theirs.

    Reference: Wu & Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3 (there called precise).
    """
    norms = [norm for norm in network.norm.values() if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    network.norm.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over the batches
    with means_held(network):
        # Of equal sizes: they count alike, and none is a single image, which has no variance.
        for part in images.chunk(math.ceil(len(images) / BATCH)):
            network(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def snapshot_of(epoch: int, network: NoisyNetwork) -> Snapshot:
    """mu and log sigma of every unit, copied to NumPy float32."""
    names = [info.name for info in network.layers]
    layers = dict(zip(names, network.noise_layers(), strict=True))
    return Snapshot(
        epoch=epoch,
        loc={name: layer.loc.detach().cpu().numpy().copy() for name, layer in layers.items()},
        log_scale={name: layer.log_scale.detach().cpu().numpy().copy() for name, layer in layers.items()},
    )
