"""SBP in a DropConnect fashion: the noise on weights instead of units (section 4.5)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sbp.methods.base import Penalty
from sbp.methods.dead_units import FoldedWeights
from sbp.methods.on_weights import OnWeights, SparseLayer, weight_layers
from sbp.networks.registry import build_bare
from sbp.noise.install import NAME, joint_noise_of
from sbp.noise.joint_noise import JointNoise
from sbp.noise.objective import scaled_kl
from sbp.noise.sbp_layer import SBPLayer
from sbp.noise.selected_linear import replace_module
from sbp.spec.layout import Group, Layout


class DropConnect(SparseLayer):
    """A dense or convolutional layer whose weights, not units, are multiplied by noise.

        theta ~ LogN_[a,b](mu, sigma^2), one draw per forward pass, shared by all its examples
        training:  y = (W * theta) x + b
        eval:      y = (W * E[theta] * keep) x + b,   keep = SNR(theta) >= threshold

    Args:
        inner: the layer whose weight W is multiplied.
        groups: an integer tensor that says which theta each weight has, of W's shape [outputs, inputs, ...] or
            broadcasting to it from the right; None: one theta per weight.
        noise_options: passed to the `SBPLayer` in `noise`, whose one example is W.

    Raises:
        ValueError: the groups do not fit W.

    Reference: Neklyudov et al., NeurIPS 2017, section 4.5.

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
        drawn = self.noise_enabled and self.training and not (self.frozen and self.noise._theta is None)
        return self.through(x, self._times_theta() if drawn else self.plain_weight(), self.inner.bias)

    def alive(self) -> Tensor:
        """SNR >= threshold, of W's shape."""
        return self._spread(self.noise.keep)

    def plain_weight(self) -> Tensor:
        """W * E[theta], zero where a weight is removed; W itself while off."""
        if not self.noise_enabled:
            return self.inner.weight
        return self.inner.weight * self._spread(self.noise.expected_theta())  # once frozen, what was removed is 0 in W

    def _times_theta(self) -> Tensor:
        weight = self.inner.weight
        if self.noise.groups is None:  # a view is cheaper than a gather
            return self.noise(weight.reshape(1, -1)).view_as(weight)
        return self.noise(weight[None])[0]

    def _spread(self, values: Tensor) -> Tensor:
        groups = self.noise.groups
        return values.view_as(self.inner.weight) if groups is None else values[groups].expand_as(self.inner.weight)


class ThetaWeights(SparseLayer):
    """A layer of weights whose thetas stand among those of a whole network, beside one another in one `JointNoise`.

    y = (W * theta) x + b in training, y = (W * E[theta] * keep) x + b in eval. place: which of the noise's groups is
    this layer's, one theta a weight. _theta: theta of the step, of W's shape.
    """

    def __init__(self, inner: nn.Linear | nn.Conv2d, noise: JointNoise, place: int) -> None:
        super().__init__(inner)
        self.joint, self.place = [noise], place  # in a list: the network holds it, not each of its layers
        self._theta: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """What the inner layer puts out with its weights multiplied."""
        # Without a draw, theta is at its mean.
        if self._theta is None or not (self.noise_enabled and self.training):
            return self.through(x, self.plain_weight(), self.inner.bias)
        return self.through(x, self.inner.weight * self._theta, self.inner.bias)

    def alive(self) -> Tensor:
        """SNR >= threshold, of W's shape."""
        return self._part(self.joint[0].keep_units())

    def plain_weight(self) -> Tensor:
        """W * E[theta], zero where a weight is removed; W itself while off."""
        if not self.noise_enabled:
            return self.inner.weight
        return self.inner.weight * self._part(self.joint[0].eval_values())

    def _part(self, values: Tensor) -> Tensor:
        return values.split(self.joint[0].layout.sizes)[self.place].view_as(self.inner.weight)


class SBPWeights(OnWeights):
    """mean NLL + strength * sum KL(theta) / N with a theta for every single weight; it goes at SNR < 1.

    Reference: section 4.5 of the paper. mu and log sigma move at `noise_lr`, without an L2 penalty. Once frozen, they
    stay; the weights that are kept go on with their noise.
    """

    def build(self) -> nn.Module:
        """A network with a theta for every weight."""
        bare = build_bare(self.network_config.name, self.network_config.widths)
        layers = weight_layers(bare)
        sizes = {name: layer.weight.numel() for name, layer in layers.items()}
        groups = tuple(Group(name, "weight", size, (size,)) for name, size in sizes.items())
        thetas = JointNoise(Layout(groups, {}, {}), **self.noise_config.model_dump())
        for place, (name, layer) in enumerate(layers.items()):
            replace_module(bare, name, ThetaWeights(layer, thetas, place))
        # No hooks: each layer multiplies its own weights, and a forward pass draws nothing for examples.
        bare.add_module(NAME, thetas)
        return bare

    @torch.no_grad()
    def _folded(self, network: nn.Module) -> FoldedWeights:
        noise = joint_noise_of(network)
        # A captured step changes mu and log sigma unseen by autograd, so what was computed from them is computed again.
        noise.eval_factor.copy_(noise.expected_theta())
        return super()._folded(network)

    def learned(self, network: nn.Module) -> list[nn.Parameter]:
        """mu and log sigma of every weight."""
        thetas = joint_noise_of(network)
        return [thetas.loc, thetas.log_scale]

    def sample_noise_(self, network: nn.Module, examples: int, generator: torch.Generator) -> None:
        """One theta a weight for the whole minibatch."""
        theta = joint_noise_of(network).draw_once(generator)
        for layer, part in zip(self.layers(network), theta, strict=True):
            layer._theta = part.view_as(layer.inner.weight)

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """strength * KL / N, the KL summed over the weights."""
        kl = joint_noise_of(network).kl()
        return Penalty(scaled_kl(kl, n_train, strength), kl.detach(), strength * kl)

    def project_(self, network: nn.Module) -> None:
        """Forgets the draws, and keeps mu and log sigma in their box."""
        for layer in self.layers(network):
            layer._theta = None
        joint_noise_of(network).project_()

    def freeze(self, network: nn.Module) -> None:
        """Removes for good the weights that are removed now; mu and sigma stay."""
        super().freeze(network)
        joint_noise_of(network).requires_grad_(False)

    def reapply_masks_(self, network: nn.Module) -> None:
        """Puts the removed weights back to 0 and forgets the draws."""
        super().reapply_masks_(network)
        self.project_(network)


def _broadcasts(shape: torch.Size, to: torch.Size) -> bool:
    """Whether a tensor of this shape can be read as one of that shape."""
    pairs = zip(reversed(shape), reversed(to), strict=False)
    return len(shape) <= len(to) and all(one in (1, other) for one, other in pairs)
