"""The error of a network with the noise at its mean and pruned units at 0."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from sbp.networks.batch_norms import batch_norms
from sbp.noise.install import joint_noise_of
from sbp.noise.joint_noise import JointNoise
from sbp.spec.records import Snapshot

# Large enough to fill a device, small enough for a laptop's memory.
BATCH = 2500


@torch.no_grad()
def error_percent(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """100 x the share of examples whose largest logit is not their label, theta = E[theta] keep; ends in eval mode."""
    network.eval()
    wrong = torch.zeros((), dtype=torch.long, device=labels.device)
    for start in range(0, len(labels), BATCH):
        part = slice(start, start + BATCH)
        wrong += (network(images[part]).argmax(1) != labels[part]).sum()
    return 100.0 * int(wrong) / len(labels)


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor) -> None:
    """Sets the mean and variance of every batch normalisation to what it sees of these images in eval mode, theta at
    E[theta] * keep; ends in eval mode. Training only sees them with noise, whose variance adds to theirs.

    Reference: Wu & Johnson, Rethinking "Batch" in BatchNorm, 2021, section 3 (there called precise).
    """
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.train()
        norm.reset_running_stats()
        norm.momentum = None  # the mean over the batches
    # Of equal sizes: they count alike, and none is a single image, which has no variance.
    for part in images.chunk(math.ceil(len(images) / BATCH)):
        network(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def snapshot_of(epoch: int, network: nn.Module) -> Snapshot:
    """mu and log sigma of every unit, copied to NumPy float32."""
    noise = joint_noise_of(network)
    return Snapshot(epoch=epoch, loc=_by_group(noise, noise.loc), log_scale=_by_group(noise, noise.log_scale))


def _by_group(noise: JointNoise, values: Tensor) -> dict[str, np.ndarray]:
    return {name: part.numpy().copy() for name, part in noise.by_group(values.detach().cpu()).items()}
