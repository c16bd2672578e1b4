"""Four small networks trained on digits in the five ways in which people's own trainings with noise fail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import sbp
from sbp.spec.observation import Observation

BATCH, EPOCHS, PRETRAINED, EVERY = 64, 8, 4, 14


class Residual(nn.Module):
    """x plus two convolutions of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width, True), conv(width, width, True)

    def forward(self, x: Tensor) -> Tensor:
        """Of x's shape."""
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def conv(i: int, o: int, norm: bool, groups: int = 1) -> nn.Module:
    """A convolution that leaves the size as it is, with batch norm where `norm` says so."""
    own = [nn.Conv2d(i, o, 3, padding=1, groups=groups, bias=not norm), *([nn.BatchNorm2d(o)] if norm else [])]
    return nn.Sequential(*own)


def mlp(norm: bool) -> nn.Module:
    """Two hidden layers."""
    first, second = ([nn.BatchNorm1d(width)] if norm else [] for width in (64, 32))
    hidden = [nn.Linear(64, 64), *first, nn.ReLU(), nn.Linear(64, 32), *second, nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(32, 10))


def cnn(norm: bool) -> nn.Module:
    """Two convolutions and a dense layer."""
    maps = [conv(1, 8, norm), nn.ReLU(), conv(8, 16, norm), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*maps, nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 10))


def resnet(norm: bool) -> nn.Module:
    """Two residual blocks."""
    blocks = [conv(1, 16, True), nn.ReLU(), Residual(16), Residual(16), nn.MaxPool2d(2)]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(256, 10))


def depthwise(norm: bool) -> nn.Module:
    """A depthwise convolution between two that mix channels."""
    mixed = [conv(1, 16, True), nn.ReLU(), conv(16, 16, True, 16), nn.ReLU(), conv(16, 24, True), nn.ReLU()]
    return nn.Sequential(*mixed, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(384, 10))


NETWORKS = {"mlp": mlp, "cnn": cnn, "resnet": resnet, "depthwise": depthwise}


@dataclass(frozen=True)
class Way:
    """How a training goes: its rates, KL weights of the first group and of the others, the noise at the start."""

    lr: float = 2e-3
    noise_lr: float = 0.05
    divided: bool = True
    first_group: float = 1.0
    others: float = 1.0
    loc: float = 0.0
    log_scale: float = -5.0
    momentum: float = 0.1
    norm: bool = False


FINE = Way()
WAYS = {
    "slow": Way(noise_lr=3e-3, lr=3e-3),
    "empty": Way(first_group=5000.0),
    "fast": Way(noise_lr=1.0, first_group=30.0, others=30.0),
    "batch-norm": Way(loc=-3.0, log_scale=-1.0, momentum=1e-4, norm=True),
    "scale": Way(divided=False),
}


@lru_cache(maxsize=1)
def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits as they are: [1797, 1, 8, 8], and their labels."""
    bundle = load_digits()
    return torch.tensor(bundle.images / 16, dtype=torch.float32)[:, None], torch.tensor(bundle.target)


def trained(network: str, way: Way, seed: int) -> tuple[list[Observation], int, int]:
    """What `sbp.observe` saw of a training: epoch by epoch, with the number of examples and of steps."""
    torch.manual_seed(seed)
    images, labels = digits()
    model = NETWORKS[network](way.norm)
    plain = torch.optim.Adam(model.parameters(), lr=2e-3)
    for x, y in batches(PRETRAINED):
        plain.zero_grad()
        cross_entropy(model(x), y).backward()
        plain.step()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = way.momentum
    noise = sbp.attach(model, images[:2], init_loc=way.loc, init_log_scale=way.log_scale)
    optimiser = torch.optim.Adam(sbp.parameter_groups(model, lr=way.lr, noise_lr=way.noise_lr))
    weights = {name: way.others if i else way.first_group for i, name in enumerate(noise.layout.names)}
    seen, steps = [], EPOCHS * (len(images) // BATCH)
    for step, (x, y) in enumerate(batches(EPOCHS)):
        nll = cross_entropy(model(x), y)
        loss = sbp.elbo_loss(nll, noise, len(images) if way.divided else 1, weights)
        if step % EVERY == 0:
            check = (images[:512], labels[:512])
            told: dict[str, Any] = {"nll": nll.detach(), "loss": loss.detach(), "kl_weights": weights, "check": check}
            seen.append(sbp.observe(model, optimiser, step=step, **told))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return seen, len(images), steps


def batches(epochs: int) -> list[tuple[Tensor, Tensor]]:
    """Batches in a new order each epoch; the last one is dropped where it is not full."""
    images, labels = digits()
    orders = (torch.randperm(len(labels)).split(BATCH) for _ in range(epochs))
    return [(images[part], labels[part]) for order in orders for part in order if len(part) == BATCH]
