"""Small networks with noise on them, as the tests of what torch can do with a network use them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sbp.noise import JointNoise, attach, noise_of
from tests.noise.zoo import ZOO
from tests.noise.zoo_entry import Inputs, call

__all__ = ["NETWORKS", "Residual", "call", "conv", "joint", "mlp", "noisy", "spread_noise"]


def mlp() -> nn.Module:
    """Two hidden layers on 8 numbers."""
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 4))


def conv() -> nn.Module:
    """Two convolutions with batch norm, flattened into a dense layer; reads 3 x 8 x 8."""
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(32, 5),
    )


class Residual(nn.Module):
    """Two residual blocks, which tests may checkpoint, between a stem and a head; reads 3 x 8 x 8."""

    def __init__(self, run: Callable[..., Tensor] | None = None) -> None:
        super().__init__()
        self.run = run
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1)) for _ in range(2)
        )
        self.head = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = torch.relu(x + (block(x) if self.run is None else self.run(block, x)))
        return self.head(x.mean((2, 3)))


def _zoo(name: str) -> tuple[Callable[[], nn.Module], Callable[[int], Inputs]]:
    return ZOO[name].build, ZOO[name].example_input


# By name: what builds it, and what draws n examples for it.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[int], Inputs]]] = {
    "mlp": (mlp, lambda n: torch.randn(n, 8, generator=torch.Generator().manual_seed(n))),
    "conv": (conv, lambda n: torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(n))),
    "residual": (Residual, lambda n: torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(n))),
    "vit": _zoo("transformers/vit"),
    "bert": _zoo("transformers/bert"),
}


def spread_noise(noise: JointNoise) -> JointNoise:
    """Gives some units an SNR far above 1 and some far below."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        noise.loc.copy_(-2.5 * torch.rand(len(noise.loc), generator=generator))
        noise.log_scale.copy_(torch.where(torch.rand(len(noise.loc), generator=generator) < 0.4, 2.5, -1.5))
    return noise


def noisy(name: str, **options: object) -> tuple[nn.Module, Callable[[int], Inputs]]:
    """A network of `NETWORKS` in training with spread noise, and what draws its examples."""
    torch.manual_seed(0)
    build, examples = NETWORKS[name]
    model = build()
    noise = spread_noise(attach(model, examples(2), **options))  # type: ignore[arg-type]
    assert 0 < int(noise.keep_units().sum()) < len(noise.loc)
    return model.train(), examples


def joint(model: nn.Module) -> JointNoise:
    """The noise of a network, with its type."""
    noise = noise_of(model)
    assert isinstance(noise, JointNoise)
    return noise
