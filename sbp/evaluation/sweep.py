"""The sweep: every criterion at every threshold, what is kept, what it costs and what it gets wrong.

A page that moves a threshold reads this and loads no model. What `masked` says, `compact` says with fewer numbers, so
the compact network is asked; thresholds between which no unit falls share one answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from sbp.compaction.folded import Folded
from sbp.evaluation.ensemble import ensemble, error_and_nll
from sbp.networks.describe import described
from sbp.networks.tensors import file_tensors
from sbp.noise.install import joint_noise_of
from sbp.pruning.bmrs import RELEASED_CODE_OFFSET
from sbp.pruning.cost import network_cost
from sbp.pruning.criteria import CRITERIA, CriterionInputs, keep_top
from sbp.pruning.masks import Masks, keep_masks, kept_counts, propagate
from sbp.spec.noise import SNR_THRESHOLD

# SNR thresholds: below the first the prior itself is kept; a trained unit hardly reaches the last.
SNR_RANGE, SNR_POINTS = (0.2, 100.0), 60
# Thresholds on a score without a scale of its own are quantiles of it, over all units.
QUANTILES = 25

Point = dict[str, Any]


class Cancelled(Exception):
    """The sweep was told to end early; there is no half of it."""


def sweep(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    examples: str = "validation",
    seed: int = 0,
    hardware: str = "",
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Error, NLL, kept units, MACs and params at every threshold of every criterion, as plain values for JSON.

    network: with its noise on; unchanged. images [n, C, H, W], labels int64 [n]: never of the test set. examples:
    which they are, "validation" or "training". seed: of the lot and of the ensemble. hardware: what the seconds of the
    ensemble were measured on. cancelled: asked before each network is evaluated.

    Gives {"objects", "n", "natural": "snr", "criteria": {name: {"title", "natural", "points": [{"threshold", "kept",
    "macs", "params", "error_percent", "nll"}, ...]}}, "ensemble"}. SNR runs over log-spaced thresholds with 1 among
    them, BMRS over quantiles of its own score with 0 among them; L1 and random keep as many units of each layer as SNR
    does at the threshold that they name. kept: closed counts in layer order. A network with nothing left in some layer
    is the constant predictor, which has 0 MACs. Raises `Cancelled`, and ValueError for a network without its noise.

    >>> import torch
    >>> from sbp.networks.registry import build
    >>> network, images = build("lenet-500-300", (4, 3)), torch.rand(6, 1, 28, 28)
    >>> found = sweep(network, images, torch.arange(6))
    >>> point = next(point for point in found["criteria"]["snr"]["points"] if point["threshold"] == 1)
    >>> point["kept"], point["macs"]
    ([784, 4, 3], 3178)
    """
    trial = _Trial(network, images, labels, cancelled)
    inputs = criterion_inputs(network, seed)
    scores = {name: criterion.score(inputs) for name, criterion in CRITERIA.items()}
    by_snr = {t: keep_masks(scores["snr"], t) for t in snr_thresholds()}
    points: dict[str, list[Point]] = {"snr": [trial.point(t, masks) for t, masks in by_snr.items()]}
    for name in ("bmrs_n", "bmrs_u"):
        thresholds = quantile_thresholds(scores[name], name)
        points[name] = [trial.point(t, keep_masks(scores[name], t)) for t in thresholds]
    layers = described(network).groups
    names = [layer.name for layer in layers]
    for name in ("l1", "random"):
        points[name] = []
        for t, masks in by_snr.items():
            counts = dict(zip(names, kept_counts(masks, layers), strict=True))
            points[name].append(trial.point(t, keep_top(scores[name], counts, layers)))
    if cancelled():
        raise Cancelled
    return {
        "objects": examples,
        "n": len(labels),
        "natural": "snr",
        "criteria": {
            name: {"title": criterion.title, "natural": criterion.natural, "points": points[name]}
            for name, criterion in CRITERIA.items()
        },
        "ensemble": {**ensemble(network, images, labels, seed=seed), "hardware": hardware},
    }


def criterion_inputs(network: nn.Module, seed: int = 0) -> CriterionInputs:
    """What the criteria look at, of a network with its noise."""
    noise = joint_noise_of(network)
    tensors = {name: tensor.detach().cpu().numpy() for name, tensor in file_tensors(network).items()}
    loc, log_scale = (
        {group.name: tensors[f"noise.{group.name}.{part}"] for group in noise.groups} for part in ("loc", "log_scale")
    )
    low, high = float(noise.log_low[0]), float(noise.log_high[0])
    return CriterionInputs(described(network).groups, loc, log_scale, low, high, tensors, seed)


def snr_thresholds() -> list[float]:
    """`SNR_POINTS` thresholds of four digits, evenly spaced in the logarithm, and the paper's 1.

    >>> snr_thresholds()[:2], 1.0 in snr_thresholds(), snr_thresholds()[-1]
    ([0.2, 0.2222], True, 100.0)
    """
    spaced = np.geomspace(*SNR_RANGE, SNR_POINTS)
    return sorted({float(f"{t:.4g}") for t in spaced} | {SNR_THRESHOLD})


def quantile_thresholds(scores: Mapping[str, np.ndarray], name: str) -> list[float]:
    """Quantiles of the finite scores of all units, 0 itself, and for BMRS_N what its authors' code has in its place."""
    pooled = np.concatenate(list(scores.values()))
    finite = pooled[np.isfinite(pooled)]
    quantiles = np.quantile(finite, np.linspace(0, 1, QUANTILES)) if len(finite) else []
    own = {0.0, RELEASED_CODE_OFFSET} if name == "bmrs_n" else {0.0}
    return sorted({float(t) for t in quantiles} | own)


class _Trial:
    """Asks compact networks, each once."""

    def __init__(self, network: nn.Module, images: Tensor, labels: Tensor, cancelled: Callable[[], bool]) -> None:
        self.description, self.folded = described(network), Folded(network)
        self.images, self.labels, self.cancelled = images, labels, cancelled
        self.seen: dict[bytes, Point] = {}

    def point(self, threshold: float, masks: Masks) -> Point:
        """The point of these masks, computed or remembered."""
        closed = propagate(masks, self.description.groups)
        key = b"".join(np.packbits(mask).tobytes() for mask in closed.values())
        if key not in self.seen:
            if self.cancelled():
                raise Cancelled
            small = self.folded.cut(closed)
            kept = [int(mask.sum()) for mask in closed.values()]
            self.seen[key] = {
                "kept": kept,
                "macs": self.description.macs(kept),
                "params": network_cost(self.description, kept).params,
                **error_and_nll(small, self.images, self.labels),
            }
        return {"threshold": threshold, **self.seen[key]}
