"""Variational dropout on single weights: Gaussian noise whose size each weight learns."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from sbp.methods.base import Penalty
from sbp.methods.on_weights import OnWeights, SparseLayer
from sbp.noise.objective import scaled_kl
from sbp.spec import OptimisationConfig
from sbp.spec.description import WeightLayer

K1, K2, K3 = 0.63576, 1.8732, 1.48695
LOG_ALPHA_RANGE = (-8.0, 8.0)
# A weight goes when its noise has 20 times its own variance: log alpha >= 3, a dropout rate of 0.95.
THRESHOLD = 3.0
INIT_LOG_VARIANCE = -10.0
# Squares are clamped to at least this, so that their gradient is 0 where it would be 1 / 0.
TINY = 1e-16


def kl_of_alpha(log_alpha: Tensor) -> Tensor:
    """KL(N(w, alpha w^2) || log-uniform) of each weight in nats, of log_alpha's shape, and 0 at alpha to infinity.

    -KL = k1 sigmoid(k2 + k3 log alpha) - 0.5 log(1 + 1/alpha) - k1, an approximation by k1 = 0.63576, k2 = 1.8732 and
    k3 = 1.48695; k1 - k1 sigmoid(x) is written k1 sigmoid(-x), which keeps its digits at large alpha.

    Reference: Molchanov et al., Variational Dropout Sparsifies Deep Neural Networks, ICML 2017, eq. 14.

    >>> kl_of_alpha(torch.tensor([-8.0, 0.0]))
    tensor([4.6359, 0.4312])
    """
    return K1 * torch.sigmoid(-K2 - K3 * log_alpha) + 0.5 * softplus(-log_alpha)


class SparseVDLayer(SparseLayer):
    """A dense or convolutional layer with weights w ~ N(W, alpha W^2), alpha of each weight learned.

    In training, by the local reparametrisation: y ~ N(W x + b, (alpha W^2) x^2) for each output of each example, with
    the standard normal numbers in `_noise` (None: without noise). In eval y = (W * [log alpha < 3]) x + b.
    Parameters: W and b of the inner layer, and `log_variance` of W's shape; log alpha = log_variance - log W^2, clipped
    to [-8, 8]. positions: how often per image the kernel of a convolution is applied.

    >>> layer = SparseVDLayer(nn.Linear(3, 2))
    >>> layer.draw(5, torch.Generator())
    >>> layer(torch.ones(5, 3)).shape
    torch.Size([5, 2])
    """

    def __init__(self, inner: nn.Linear | nn.Conv2d, positions: int = 1) -> None:
        super().__init__(inner)
        self.log_variance = nn.Parameter(torch.full_like(inner.weight, INIT_LOG_VARIANCE))
        side = math.isqrt(positions)
        self._map_shape = () if isinstance(inner, nn.Linear) else (side, side)
        self._noise: Tensor | None = None

    def log_alpha(self) -> Tensor:
        """log alpha of each weight, of W's shape."""
        square = self.inner.weight.square().clamp_min(TINY)
        return (self.log_variance - square.log()).clamp(*LOG_ALPHA_RANGE)

    def alive(self) -> Tensor:
        """log alpha < 3."""
        return self.log_alpha() < THRESHOLD

    def kl(self) -> Tensor:
        """The KL of all weights, a scalar in nats."""
        return kl_of_alpha(self.log_alpha()).sum()

    def draw(self, examples: int, generator: torch.Generator) -> None:
        """A standard normal number for every output of every example of the next forward pass."""
        weight = self.inner.weight.detach()
        last = weight.dim() == 4 and weight.is_contiguous(memory_format=torch.channels_last)
        # Laid out as the maps are that it is added to.
        layout = torch.channels_last if last else torch.contiguous_format
        shape = examples, len(weight), *self._map_shape
        drawn = torch.empty(shape, dtype=weight.dtype, device=weight.device, memory_format=layout)
        self._noise = drawn.normal_(generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """What the inner layer puts out, with noise where it was drawn."""
        mean = super().forward(x)
        if self._noise is None or not self.training:
            return mean
        variance = self.through(x.square(), self.log_alpha().exp() * self.inner.weight.square(), None)
        return mean + variance.clamp_min(TINY).sqrt() * self._noise.to(mean.dtype)


class SparseVD(OnWeights):
    """mean NLL + strength * sum KL(w) / N; a weight goes at log alpha >= 3, and a unit when all its weights have.

    log sigma^2 starts at -10 and moves at the weights' own learning rate (the authors use one Adam, 1e-3), without
    an L2 penalty; `kl_warmup` (5, 20) is their warm-up of the KL. Once frozen, alpha stays.

    Reference: Molchanov et al., Variational Dropout Sparsifies Deep Neural Networks, ICML 2017.
    """

    def wrap(self, inner: nn.Linear | nn.Conv2d, wire: WeightLayer) -> SparseLayer:
        """A layer with Gaussian noise on its weights."""
        return SparseVDLayer(inner, wire.positions)

    def learned(self, network: nn.Module) -> list[nn.Parameter]:
        """log sigma^2."""
        return [layer.log_variance for layer in self.layers(network)]

    def learned_rate(self, optimisation: OptimisationConfig) -> float:
        """With Adam the weights' own; beside SGD, whose rates are of another size, the noise's."""
        return optimisation.lr if optimisation.optimiser == "adam" else optimisation.noise_lr

    def sample_noise_(self, network: nn.Module, examples: int, generator: torch.Generator) -> None:
        """Noise for every output of every layer of weights."""
        for layer in self.layers(network):
            layer.draw(examples, generator)

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """strength * KL / N, the KL summed over the weights."""
        kl = torch.stack([layer.kl() for layer in self.layers(network)]).sum()
        return Penalty(scaled_kl(kl, n_train, strength), kl, strength * kl)

    def project_(self, network: nn.Module) -> None:
        """Forgets the draws."""
        for layer in self.layers(network):
            layer._noise = None

    def reapply_masks_(self, network: nn.Module) -> None:
        """Puts the removed weights back to 0 and forgets the draws."""
        super().reapply_masks_(network)
        self.project_(network)
