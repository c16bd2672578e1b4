"""How far the gradient of one step varies with the draw of theta, by what theta is drawn for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.compaction.weights import network_of
from sbp.data import datasets
from sbp.machine import devices
from sbp.noise.install import joint_noise_of
from sbp.runs.view import RunView
from sbp.spec.noise import ELEMENT, THETA_PER

BATCH, DRAWS = 500, 100


def gradient_variance(network: nn.Module, images: Tensor, labels: Tensor, draws: int = DRAWS) -> dict[str, float]:
    """The variance of the gradient of the mean NLL of one minibatch, which theta alone decides.

        Var = sum_j Var[g_j],   g = gradient of the mean NLL in mu and log sigma, or in weights and biases

    Args:
        network: with its noise on; its parameters and buffers are left as they are.
        images, labels: the minibatch.
        draws: how many gradients, each from a draw of its own (seed 0).

    Returns:
        noise and weights: Var, estimated with draws - 1; noise_norm and weights_norm: the Euclidean norm of the mean.
    """
    noise, generator = joint_noise_of(network), torch.Generator().manual_seed(0)
    noise.requires_grad_(True)
    own = {id(parameter) for parameter in noise.parameters()}
    parts = {
        "noise": list(noise.parameters()),
        "weights": [parameter for parameter in network.parameters() if id(parameter) not in own],
    }
    moments = {name: _Moments() for name in parts}
    with noise.using("sample"):
        for _ in range(draws):
            noise.prepare(len(images), generator, kl=False)
            loss = functional.cross_entropy(network(images), labels)
            gradients = torch.autograd.grad(loss, [*parts["noise"], *parts["weights"]])
            count = len(parts["noise"])
            moments["noise"].add(gradients[:count])
            moments["weights"].add(gradients[count:])
            noise.project_()
    found = {name: it.variance for name, it in moments.items()}
    return found | {f"{name}_norm": it.norm for name, it in moments.items()}


def by_sampler(view: RunView, draws: int = DRAWS) -> dict[str, Any]:
    """`gradient_variance` of a recorded run at its end, for everything that theta can be drawn for.

    Args:
        view: a run that has weights.
        draws: how many gradients for each.

    Raises:
        LoadError: the run has no weights.
        DataError: its data set is not here.
    """
    data, config = datasets.load(view.config.data.dataset), view.config
    images, labels = datasets.as_inputs(data.name, data.train_images[:BATCH]), data.train_labels[:BATCH]
    channels = any(group.kind == "channel" for group in view.layers)
    found = {
        theta_per: gradient_variance(
            network_of(config.replace(theta_per=theta_per), view.model_path), images, labels, draws
        )
        for theta_per in THETA_PER
        if theta_per != ELEMENT or channels
    }
    return {"samplers": found, "batch": BATCH, "draws": draws, "hardware": devices.describe("cpu")}


class _Moments:
    """Mean and variance of vectors that come one by one (Welford 1962)."""

    def __init__(self) -> None:
        self.n, self.mean, self.squares = 0, torch.zeros(()), 0.0

    def add(self, parts: tuple[Tensor, ...]) -> None:
        value = torch.cat([part.flatten() for part in parts]).double()
        self.n += 1
        before = value - self.mean
        self.mean = self.mean + before / self.n
        self.squares += float((before * (value - self.mean)).sum())

    @property
    def variance(self) -> float:
        return self.squares / (self.n - 1)

    @property
    def norm(self) -> float:
        return float(self.mean.norm())
