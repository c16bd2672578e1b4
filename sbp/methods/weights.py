"""SBP in a DropConnect fashion: the noise on weights instead of units (section 4.5)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sbp.layer import SBPLayer
from sbp.methods.base import Group, Penalty
from sbp.methods.on_weights import OnWeights, SparseLayer
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.wiring import WeightLayer
from sbp.objective import mean_and_keep
from sbp.spec import RunConfig
from sbp.units import AllUnits


class DropConnect(SparseLayer):
    """A dense or convolutional layer whose weights are multiplied by theta ~ LogN_[a,b](mu, sigma^2), one draw a pass.

    y = (W * theta) x + b in training, y = (W * E[theta] * keep) x + b in eval, keep = SNR >= threshold. All objects of
    a pass share the draw. groups: an integer tensor that says for each weight which theta it has, of W's shape
    [outputs, inputs, ...] or broadcasting to it from the right; none: each weight its own. noise_options go to the
    `SBPLayer` in `noise`, whose one object is W. Raises ValueError when the groups do not fit W.

    >>> by_input = DropConnect(nn.Linear(3, 2), groups=torch.arange(3))
    >>> by_input(torch.ones(5, 3)).shape, by_input.noise.units
    (torch.Size([5, 2]), 3)
    """

    def __init__(self, inner: nn.Linear | nn.Conv2d, groups: Tensor | None = None, **noise_options: Any) -> None:
        super().__init__(inner)
        if groups is not None and not _broadcasts(groups.shape, inner.weight.shape):
            raise ValueError(
                f"groups: expected a shape that broadcasts to the weight's, {list(inner.weight.shape)}, "
                f"got {list(groups.shape)}."
            )
        thetas = inner.weight.numel() if groups is None else int(groups.max()) + 1
        self.noise = SBPLayer(thetas, groups=groups, **noise_options)

    def forward(self, x: Tensor) -> Tensor:
        """What the inner layer puts out with its weights multiplied."""
        # Frozen and without a draw from outside, theta is at its mean.
        drawn = self.active and self.training and not (self.frozen and self.noise.drawn is None)
        return self.through(x, self._times_theta() if drawn else self.plain_weight(), self.inner.bias)

    def alive(self) -> Tensor:
        """SNR >= threshold, of W's shape."""
        return self._spread(self.noise.keep)

    def plain_weight(self) -> Tensor:
        """W * E[theta], zero where a weight is removed; W itself while off."""
        if not self.active:
            return self.inner.weight
        held = self.noise.held
        if held is None:
            [(mean, keep)] = mean_and_keep([self.noise])
            held = mean * keep
        return self.inner.weight * self._spread(held)  # once frozen, what was removed is 0 in W

    def _times_theta(self) -> Tensor:
        weight = self.inner.weight
        if self.noise.groups is None:  # a view is cheaper than a gather
            return self.noise(weight.reshape(1, -1)).view_as(weight)
        return self.noise(weight[None])[0]

    def _spread(self, values: Tensor) -> Tensor:
        groups = self.noise.groups
        return values.view_as(self.inner.weight) if groups is None else values[groups].expand_as(self.inner.weight)


class SBPWeights(OnWeights):
    """mean NLL + strength * sum KL(theta) / N with a theta for every single weight; it goes at SNR < 1.

    Reference: section 4.5 of the paper. mu and log sigma move at `noise_lr`, without an L2 penalty. Once frozen,
    they stay; the weights that are kept go on with their noise.
    """

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.thetas: AllUnits | None = None

    def wrap(self, inner: nn.Linear | nn.Conv2d, wire: WeightLayer) -> SparseLayer:
        """A layer with a theta for every weight, born as the config says."""
        config = self.config
        return DropConnect(
            inner,
            log_low=config.noise.log_low,
            log_high=config.noise.log_high,
            init_loc=config.noise.init_loc,
            init_log_scale=config.noise.init_log_scale,
        )

    def groups(self, network: NoisyNetwork) -> list[Group]:
        """Weights and biases, and mu and log sigma at the noise's rate."""
        thetas = self._thetas(network)
        return [*super().groups(network), Group([thetas.loc, thetas.log_scale], "noise_lr", 0.0)]

    def draw(self, network: NoisyNetwork, objects: int, generator: torch.Generator) -> None:
        """One theta a weight for the whole minibatch."""
        self._thetas(network).draw(1, generator)

    def penalty(self, network: NoisyNetwork, n_train: int, strength: Tensor) -> Penalty:
        """strength * KL / N, the KL summed over the weights."""
        kl = self._thetas(network).kl().sum()
        return Penalty(strength * kl / n_train, kl.detach(), strength * kl)

    def settle(self, network: NoisyNetwork) -> None:
        """Forgets the draws, and keeps mu and log sigma in their box."""
        self._thetas(network).settle_()

    def freeze(self, network: NoisyNetwork) -> None:
        """Removes for good the weights that are removed now; mu and sigma stay."""
        super().freeze(network)
        for parameter in (self._thetas(network).loc, self._thetas(network).log_scale):
            parameter.requires_grad_(False)

    def hold(self, network: NoisyNetwork) -> None:
        """Puts the removed weights back to 0 and forgets the draws."""
        super().hold(network)
        self.settle(network)

    def _thetas(self, network: NoisyNetwork) -> AllUnits:
        """All weights' thetas side by side, made the first time that training asks, with the network on its device."""
        if self.thetas is None:
            self.thetas = AllUnits([layer.noise for layer in self.layers(network)])
        return self.thetas


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    """Whether a tensor of this shape can be read as one of that shape."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(one in (1, other) for one, other in pairs)
