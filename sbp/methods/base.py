"""The interface of every method: how a network is built, what a step draws and adds, and which units are kept.

The training loop knows no method by name. It calls `build` once; `sample_noise_`, the network's forward pass,
`penalty` and `project_` at every step, in that order; `masks` after an epoch; `choose` and `freeze` when fine-tuning
begins.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sbp.networks.registry import build_for
from sbp.noise.install import noise_of
from sbp.pruning.masks import Masks
from sbp.spec import MethodConfig, NetworkConfig, NoiseConfig, OptimisationConfig


class Penalty(NamedTuple):
    """Scalars: term is what the loss adds to the mean NLL per example; kl and kl_weighted are in nats, summed over
    whatever the method has a KL for, without and with KL weights; 0 where it has none."""

    term: Tensor
    kl: Tensor
    kl_weighted: Tensor


class Method:
    """What a run's network is trained with; one for one network.

    Args:
        settings: the method's own.
        network: what is built.
        noise: of its units or weights, where the method has any.
    """

    settings: MethodConfig

    def __init__(self, settings: MethodConfig, network: NetworkConfig, noise: NoiseConfig) -> None:
        self.settings, self.network_config, self.noise_config = settings, network, noise

    def build(self) -> nn.Module:
        """The network at initialisation, on the CPU, its weights drawn from torch's global generator."""
        return build_for(self.network_config, self.noise_config if self.settings.has_noise else None)

    def weights(self, network: nn.Module) -> list[nn.Parameter]:
        """The parameters that every phase moves: weights and biases."""
        noise = {id(parameter) for parameter in noise_of(network).parameters()}
        return [parameter for parameter in network.parameters() if id(parameter) not in noise]

    def learned(self, network: nn.Module) -> list[nn.Parameter]:
        """The parameters that the main phase moves beside the weights, without an L2 penalty."""
        return []

    def learned_rate(self, optimisation: OptimisationConfig) -> float:
        """The learning rate of these."""
        return optimisation.noise_lr

    def sample_noise_(self, network: nn.Module, examples: int, generator: torch.Generator) -> None:
        """Draws the noise of one step for a minibatch of `examples`, from this generator and no other."""

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """What the loss adds to the mean NLL; strength (a scalar tensor in [0, 1]) is where the KL's warm-up stands."""
        zero = torch.zeros((), device=strength.device)
        return Penalty(zero, zero, zero)

    def project_(self, network: nn.Module) -> None:
        """What follows an optimiser's step of the main phase: projections, zeros. No gradient, no wait for the host."""

    def set_noise_enabled(self, network: nn.Module, on: bool) -> None:
        """The noise on, or (while pretraining) off; the network is then an ordinary one."""
        noise_of(network).mode = "auto" if on else "off"

    def masks(self, network: nn.Module) -> Masks:
        """Which units are kept, bool [units] by the name of the noise layer, not closed."""
        return {name: keep.cpu().numpy() for name, keep in noise_of(network).keep.items()}

    def choose(self, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        """Decides what is removed, just before `freeze`, where training has not; it sees training examples."""

    def freeze(self, network: nn.Module) -> None:
        """Begins fine-tuning: what is removed now stays removed, and only `weights` move from here on."""

    def reapply_masks_(self, network: nn.Module) -> None:
        """What follows an optimiser's step of fine-tuning, so that what was removed stays removed."""

    def materialise(self, network: nn.Module) -> nn.Module:
        """The network as it is stored and cut: of the class and the names that `registry.build_for` gives, computing
        in eval mode what `network` computes in eval mode."""
        return network
