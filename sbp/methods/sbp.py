"""Structured Bayesian Pruning: the noise of every unit learned, by the bound with any KL weights."""

from __future__ import annotations

import torch
from torch import Tensor

from sbp.kl_scaling import kl_weights
from sbp.methods.base import Group, Method, Penalty
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.registry import build_for
from sbp.objective import mean_and_keep
from sbp.pruning.masks import Masks
from sbp.spec import RunConfig
from sbp.units import AllUnits


class SBP(Method):
    """mean NLL + strength * sum_l weight_l KL_l / N, with the KL summed over units (eq. 4, 12); a unit goes at SNR < 1.

    mu and log sigma move at `noise_lr`, without an L2 penalty. Once frozen, mu and sigma stay; what is kept goes on
    with its noise, so that the weights are still trained for E[theta] and not for one theta.

    >>> method = SBP(RunConfig.flat(widths=(4, 3)))
    >>> [group.rate for group in method.groups(method.build())]
    ['lr', 'noise_lr']
    """

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.kl_weights = kl_weights(config)
        self.units: AllUnits | None = None
        self.keep: Tensor | None = None  # of every unit, once frozen

    def build(self) -> NoisyNetwork:
        """A network of SBP layers."""
        return build_for(self.config)

    def groups(self, network: NoisyNetwork) -> list[Group]:
        """Weights and biases; mu and log sigma of all units."""
        units = self._units(network)
        decay = self.config.optimisation.weight_decay
        return [Group(self.weights(network), "lr", decay), Group(self.noise(units), "noise_lr", 0.0)]

    def noise(self, units: AllUnits) -> list[torch.nn.Parameter]:
        """What is learned of the noise."""
        return [units.loc, units.log_scale]

    def weights(self, network: NoisyNetwork) -> list[torch.nn.Parameter]:
        """Weights and biases."""
        noise = {id(parameter) for layer in network.noise_layers() for parameter in (layer.loc, layer.log_scale)}
        return [parameter for parameter in network.parameters() if id(parameter) not in noise]

    def draw(self, network: NoisyNetwork, objects: int, generator: torch.Generator) -> None:
        """One theta an object and unit."""
        units = self._units(network)
        units.draw(objects, generator, self.keep)

    def penalty(self, network: NoisyNetwork, n_train: int, strength: Tensor) -> Penalty:
        """strength * KL / N with the KL weights, of the noise as it was drawn."""
        kl = self._units(network).kl()
        weighted = strength * torch.dot(kl, self.weight_of_units)
        return Penalty(weighted / n_train, kl.detach().sum(), weighted)

    def settle(self, network: NoisyNetwork) -> None:
        """Forgets the draws, and keeps mu and log sigma in their box."""
        self._units(network).settle_()

    def switch(self, network: NoisyNetwork, on: bool) -> None:
        """The noise on or off."""
        for layer in network.noise_layers():
            layer.active = on

    def masks(self, network: NoisyNetwork) -> Masks:
        """SNR >= 1."""
        keeps = [keep.cpu().numpy() for _, keep in mean_and_keep(network.noise_layers())]
        return {info.name: keep for info, keep in zip(network.layers, keeps, strict=True)}

    def freeze(self, network: NoisyNetwork) -> None:
        """What is below the threshold now is multiplied by 0 from here on."""
        self.keep = torch.cat([layer.keep for layer in network.noise_layers()])
        for parameter in (self._units(network).loc, self._units(network).log_scale):
            parameter.requires_grad_(False)

    def hold(self, network: NoisyNetwork) -> None:
        """Forgets the draws."""
        self._units(network).settle_()

    def _units(self, network: NoisyNetwork) -> AllUnits:
        """The units side by side, made the first time that training asks, when the network is on its device."""
        if self.units is None:
            self.units = AllUnits(network.noise_layers())
            self.weight_of_units = self.units.per_unit(self.kl_weights)
        return self.units


class SBPFixedMu(SBP):
    """SBP with mu where it was born: log sigma alone is learned, as dropout rates usually are (section 5.2)."""

    def noise(self, units: AllUnits) -> list[torch.nn.Parameter]:
        """log sigma."""
        return [units.log_scale]
