"""How far predicted probabilities are to be believed: NLL, expected calibration error and Brier score of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp.compaction.compact import masked, masks_of
from sbp.compaction.folded import Folded
from sbp.compaction.weights import network_of
from sbp.data import datasets
from sbp.evaluation.ensemble import Sampler, error_and_nll, log_probabilities
from sbp.machine import devices
from sbp.pruning.masks import Masks
from sbp.runs.view import RunView

BINS, SAMPLES = 15, 20


def scores(log_p: Tensor, labels: Tensor, bins: int = BINS) -> dict[str, float]:
    """Error, NLL, ECE and Brier score of predicted probabilities.

    c is the largest probability of an example, B_m the examples whose c lies in the m-th of `bins` intervals of equal
    width of (0, 1]:  ECE = sum_m |B_m| / n |accuracy(B_m) - mean c of B_m|,  Brier = mean sum_k (p_k - [y = k])^2.

    Args:
        log_p: log probabilities, float64 [n, classes].
        labels: int64 [n].
        bins: how many.

    Returns:
        error_percent and ece_percent in percent, nll in nats an example, brier between 0 and 2.

    Reference:
        Guo, Pleiss, Sun, Weinberger 2017, On calibration of modern neural networks; Brier 1950, Verification of
        forecasts expressed in terms of probability.

    >>> found = scores(torch.tensor([[0.8, 0.2], [0.8, 0.2]]).log(), torch.tensor([0, 1]))
    >>> {name: round(value, 3) for name, value in found.items()}
    {'error_percent': 50.0, 'nll': 0.916, 'ece_percent': 30.0, 'brier': 0.68}
    """
    p = log_p.exp()
    confidence, predicted = p.max(dim=1)
    right = (predicted == labels).to(p)
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=p.dtype).index_add_(0, place, right - confidence)
    target = nn.functional.one_hot(labels, p.shape[1]).to(p)
    return {
        "error_percent": 100 * float(1 - right.mean()),
        "nll": float(-log_p.gather(1, labels[:, None]).mean()),
        "ece_percent": 100 * float(gaps.abs().sum()) / len(labels),
        "brier": float((p - target).square().sum(dim=1).mean()),
    }


def calibration(view: RunView, samples: int = SAMPLES) -> dict[str, Any]:
    """The scores on the test images of a run's networks: all units at E[theta], masked, compact, and an ensemble.

    Args:
        view: a run that has weights.
        samples: thetas of the kept units, drawn with seed 0 and averaged in probability.

    Returns:
        networks: their `scores` by name; n images, bins, samples, hardware.

    Raises:
        LoadError: the run has no weights.
        DataError: its data set is not here.
    """
    network = network_of(view.config, view.model_path)
    data = datasets.load(view.config.data.dataset)
    images, labels = datasets.as_inputs(data.name, data.test_images), data.test_labels
    everything = {name: np.ones_like(mask) for name, mask in masks_of(network).items()}
    sampler = Sampler(network)
    log_p = {
        "dense": log_probabilities(masked(network, everything), images),
        "masked": log_probabilities(masked(network), images),
        "compact": log_probabilities(sampler.mean, images),
    }
    drawn = []
    for _ in range(samples):
        with sampler.drawn() as copy:
            drawn.append(log_probabilities(copy, images))
    log_p["one theta"] = drawn[0]
    log_p[f"ensemble of {samples}"] = torch.stack(drawn).logsumexp(dim=0) - math.log(samples)
    return {
        "networks": {name: scores(values, labels) for name, values in log_p.items()},
        "n": len(labels),
        "bins": BINS,
        "samples": samples,
        "hardware": devices.describe("cpu"),
    }


def held_out_errors(view: RunView, masks: Iterable[Masks]) -> list[dict[str, Any]]:
    """Error and NLL of a run's compact network at each of these masks, on the images that its training held out.

    Args:
        view: a run that has weights and held images out.
        masks: bool [units] by group, closed.

    Returns:
        For each mask error_percent and nll, n images and the hardware.

    Raises:
        LoadError: the run has no weights.
        ValueError: it held nothing out.
    """
    config = view.config
    folded = Folded(network_of(config, view.model_path))
    split = datasets.prepare(datasets.load(config.data.dataset), config.data, seed=config.seed)
    if not split.n_validation:
        raise ValueError(f"{view.id}: expected a run that held images out, got one that trained on all of them.")
    about = {"n": split.n_validation, "hardware": devices.describe("cpu")}
    return [{**error_and_nll(folded.cut(one), split.validation_x, split.validation_y), **about} for one in masks]
