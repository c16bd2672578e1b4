"""A run's network before and after the cut: which units went, what that saves, and whether both compute the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp.compaction.compact import kept_units, masked, masks_of
from sbp.compaction.folded import Folded
from sbp.compaction.weights import network_of
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of, noise_of
from sbp.noise.selected_linear import SelectedLinear
from sbp.pruning.cost import network_cost
from sbp.pruning.masks import Masks
from sbp.spec import RunConfig
from sbp.spec.noise import SNR_THRESHOLD

# Images at a time: small enough for a laptop's memory.
BATCH = 1000


@dataclass(frozen=True)
class CompactedRun:
    """A run's network before and after the cut.

    masked: the run's network with zeros in place. small: the compact one. masks: what is kept, closed. choice: how it
    was decided what is kept. own: whether that is what the run's own results speak of (SNR >= 1).
    """

    masked: nn.Module
    small: nn.Module
    masks: Masks
    choice: str
    own: bool

    @property
    def selects(self) -> tuple[str, ...]:
        """The layers of the compact network that select their inputs."""
        return tuple(name for name, module in self.small.named_modules() if isinstance(module, SelectedLinear))

    def figures(self) -> dict[str, Any]:
        """Units of each noise layer, parameters and MACs per image, before and after; JSON-able.

        params: weights and biases, of the dense network without its noise, batch normalisations folded into it.
        macs_reduction = macs_dense / macs; None for the constant predictor, which multiplies nothing.
        """
        network = described(self.small)
        units = [group.units for group in network.groups]
        kept = [int(mask.sum()) for mask in self.masks.values()]
        macs, dense = network.macs(kept), network.dense_macs()
        return {
            "network": network.name,
            "choice": self.choice,
            "layers": [group.name for group in network.groups],
            "units": units,
            "kept": kept,
            "widths": network.kept_widths(kept),
            "params_dense": network_cost(network, units).params,
            "params": network_cost(network, kept).params,
            "macs_dense": dense,
            "macs": macs,
            "macs_reduction": round(dense / macs, 3) if macs else None,
        }

    @torch.no_grad()
    def agreement(self, images: Tensor) -> dict[str, Any]:
        """On how many images [n, C, H, W] both predict the same class, and how far their logits are apart at most."""
        equal, apart = 0, 0.0
        for part in images.split(BATCH):
            one, other = self.masked(part), self.small(part)
            equal += int((one.argmax(1) == other.argmax(1)).sum())
            apart = float(np.maximum(apart, float((one - other).abs().max())))  # keeps NaN, which max() drops
        return {"images": len(images), "equal_predictions": equal, "largest_difference": apart}


def compact_run(
    config: RunConfig,
    model_path: Path | None,
    threshold: float | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
) -> CompactedRun:
    """Cuts a run's network at its own keep (SNR >= 1), at another threshold of the SNR, or at given masks.

    masks: as for `compact`. Where the method learns no noise on units, its own keep is what it has removed. Raises
    ValueError with a sentence when the run has no weights (`LoadError`), the threshold is no positive number or the
    units have no SNR, the masks do not fit, or both are given.
    """
    if threshold is not None and masks is not None:
        raise ValueError("threshold, masks: expected one of them, got both.")
    if threshold is not None and not (math.isfinite(threshold) and threshold > 0):
        raise ValueError(f"threshold: expected an SNR above 0, got {threshold!r}; the method's own is 1.")
    if threshold is not None and not config.has_noise:
        raise ValueError(f"threshold: the units of a run of {config.method.name} have no SNR; leave it out.")
    network = network_of(config, model_path)
    if config.has_noise:
        joint_noise_of(network).threshold.fill_(1.0 if threshold is None else threshold)
    chosen = masks_of(network) if masks is None else masks
    snr = f"SNR >= {1.0 if threshold is None else threshold:g}"
    own_choice = snr if config.has_noise else f"{config.method.name}'s own"
    choice = own_choice if masks is None else "masks chosen by hand"
    own = masks is None and threshold in (None, SNR_THRESHOLD)
    closed = noise_of(network).layout.split(kept_units(noise_of(network), chosen))
    return CompactedRun(masked(network, chosen), Folded(network).cut(chosen), closed, choice, own)
