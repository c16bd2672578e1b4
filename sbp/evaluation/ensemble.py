"""Bayesian ensembling at test time: K sampled copies of a network against the one with every theta at its mean.

The paper leaves it out, since it gains almost nothing and costs K passes (section 4.5); here it can be seen.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sbp.compaction.compact import kept_units
from sbp.compaction.folded import Folded
from sbp.noise.install import install, joint_noise_of
from sbp.noise.removal import present_units
from sbp.noise.unit_mask import UnitMask

SAMPLES = (1, 2, 5, 10, 20)
# Examples at once: small enough for the maps of a convolution to stay in a processor's cache.
BATCH = 250


class Sampler:
    """Draws copies of a network: one theta of every kept unit, the same for all examples; removed units stay at 0.

    The copies are compact: E[theta] is in the weights already, so a drawn theta enters as theta / E[theta].
    network: with its noise on; unchanged. `mean` is the network with no draw in it.
    """

    def __init__(self, network: nn.Module, seed: int = 0) -> None:
        self.noise = joint_noise_of(network)
        keep = kept_units(self.noise)
        present = present_units(self.noise.layout, keep)
        if self.noise.layout.scales_input:  # pixels that convolutions read stay in the image, as zeros
            present[self.noise.layout.slices()[self.noise.layout.pixels]] = True
        masks, folded = self.noise.layout.split(keep), Folded(network)
        self.mean, self.copy = folded.cut(masks), folded.cut(masks)
        self.mask = install(self.copy, UnitMask(self.noise.layout.reduced(present)))
        device = self.noise.loc.device
        self.present = torch.from_numpy(present.nonzero()[0]).to(device)
        self.generator = torch.Generator(device).manual_seed(seed)

    @contextmanager
    def drawn(self) -> Iterator[nn.Module]:
        """The next copy, for as long as the context lasts."""
        with torch.no_grad():
            theta = self.noise.draw(1, self.generator)[0] / self.noise.distribution().mean
        with self.mask.using(theta=theta[None, self.present]):
            yield self.copy


def ensemble(
    network: nn.Module, images: Tensor, labels: Tensor, samples: Sequence[int] = SAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Error, NLL and seconds of K copies averaged in probability, for each K, and of the mean network.

    p(y | x) = 1/K sum_k p(y | x, theta_k), theta_k ~ q. The K copies are the first K of one sequence, decided by
    `seed`. seconds: wall-clock time of drawing K and asking each, for all n examples.

    >>> from sbp.networks.registry import build
    >>> network, images = build("lenet-500-300", (4, 3)), torch.rand(6, 1, 28, 28)
    >>> found = ensemble(network, images, torch.arange(6), samples=(1, 3))
    >>> [entry["samples"] for entry in found["samples"]], found["n"]
    ([1, 3], 6)
    """
    sampler = Sampler(network, seed)
    # What libraries set up at a first call is not timed. The draw is of another sampler, so that these stay the same.
    log_probabilities(sampler.mean, images[:BATCH])
    with Sampler(network, seed).drawn() as first:
        log_probabilities(first, images[:BATCH])
    start = _now(images)
    log_p = log_probabilities(sampler.mean, images)
    seconds = _now(images) - start
    mean = {**_error_and_nll(log_p, labels), "seconds": seconds}
    entries, log_sum, seconds = [], torch.full_like(log_p, -torch.inf), 0.0
    for k in range(1, max(samples) + 1):
        start = _now(images)
        with sampler.drawn() as sampled:
            log_sum = torch.logaddexp(log_sum, log_probabilities(sampled, images))
        seconds += _now(images) - start
        if k in samples:
            entries.append({"samples": k, **_error_and_nll(log_sum - math.log(k), labels), "seconds": seconds})
    return {"samples": entries, "mean": mean, "n": len(labels)}


@torch.inference_mode()
def log_probabilities(network: nn.Module, images: Tensor) -> Tensor:
    """log p(y | x), float64 [n, 10], of a network in eval mode."""
    return torch.cat([network(part).double().log_softmax(1) for part in images.split(BATCH)])


def error_and_nll(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, float]:
    """error_percent, the share of examples that a network in eval mode misclassifies, and nll, their mean in nats."""
    return _error_and_nll(log_probabilities(network, images), labels)


def _error_and_nll(log_p: Tensor, labels: Tensor) -> dict[str, float]:
    wrong = int((log_p.argmax(1) != labels).sum())
    nll = float(-log_p.gather(1, labels[:, None]).mean())
    return {"error_percent": 100.0 * wrong / len(labels), "nll": nll}


def _now(like: Tensor) -> float:
    if like.device.type == "cuda":
        torch.cuda.synchronize(like.device)
    return time.perf_counter()
