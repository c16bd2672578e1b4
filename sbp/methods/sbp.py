"""Structured Bayesian Pruning: the noise of every unit learned, by the bound with any KL weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sbp.methods.base import Method, Penalty
from sbp.noise.install import joint_noise_of
from sbp.noise.objective import scaled_kl, unit_weights
from sbp.spec.kl_weights import kl_weights


class SBP(Method):
    """mean NLL + strength * sum_l weight_l KL_l / N, with the KL summed over units (eq. 4, 12); a unit goes at SNR < 1.

    mu and log sigma move at `noise_lr`, without an L2 penalty. Once frozen, mu and sigma stay; what is kept goes on
    with its noise, so that the weights are still trained for E[theta] and not for one theta.

    >>> from sbp.spec import NetworkConfig, NoiseConfig
    >>> from sbp.spec.method import SBPConfig
    >>> method = SBP(SBPConfig(), NetworkConfig(widths=(4, 3)), NoiseConfig())
    >>> [list(parameter.shape) for parameter in method.learned(method.build())]
    [[791], [791]]
    """

    frozen = False
    _weight_of_units: Tensor | None = None

    def learned(self, network: nn.Module) -> list[nn.Parameter]:
        """mu and log sigma of all units."""
        noise = joint_noise_of(network)
        return [noise.loc, noise.log_scale]

    def sample_noise_(self, network: nn.Module, examples: int, generator: torch.Generator) -> None:
        """One theta an example and unit."""
        joint_noise_of(network).prepare(examples, generator, kl=not self.frozen)

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """strength * KL / N with the KL weights, of the noise as it was drawn."""
        noise = joint_noise_of(network)
        if self._weight_of_units is None or self._weight_of_units.shape != noise.loc.shape:
            self._weight_of_units = unit_weights(noise, kl_weights(self.network_config, self.settings))
        kl = noise.kl_per_unit()
        weighted = torch.dot(kl, self._weight_of_units)
        return Penalty(scaled_kl(weighted, n_train, strength), kl.detach().sum(), strength * weighted)

    def project_(self, network: nn.Module) -> None:
        """Forgets the draws, and keeps mu and log sigma in their box."""
        joint_noise_of(network).project_()

    def freeze(self, network: nn.Module) -> None:
        """What is below the threshold now is multiplied by 0 from here on."""
        noise = joint_noise_of(network)
        noise.set_masks(noise.keep)
        noise.requires_grad_(False)
        self.frozen = True

    def reapply_masks_(self, network: nn.Module) -> None:
        """Forgets the draws."""
        joint_noise_of(network).project_()


class SBPFixedMu(SBP):
    """SBP with mu as it was initialised: log sigma alone is learned, as dropout rates usually are (section 5.2)."""

    def learned(self, network: nn.Module) -> list[nn.Parameter]:
        """log sigma."""
        return [joint_noise_of(network).log_scale]
