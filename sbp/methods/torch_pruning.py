"""Torch-Pruning's pruners: units leave when fine-tuning begins, by a criterion of theirs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch_pruning
from torch import Tensor, nn
from torch.nn import functional

from sbp.methods.base import Method, Penalty
from sbp.networks.describe import described
from sbp.noise.install import noise_of, uninstall
from sbp.pruning.masks import Masks, propagate
from sbp.spec.method import TorchPruningConfig

IMPORTANCE: dict[str, Callable[[], Any]] = {
    "magnitude": lambda: torch_pruning.importance.MagnitudeImportance(p=2, group_reduction="first"),
    "taylor": torch_pruning.importance.GroupTaylorImportance,
    "group-norm": lambda: torch_pruning.importance.GroupMagnitudeImportance(p=2),
}
# Training examples whose gradient Taylor's criterion sees.
TAYLOR_EXAMPLES = 2000
# How the share of units that leaves is found: first by cutting what stays by a factor, then by halving, this finely.
FACTOR, FINEST = 7 / 8, 1 / 4096
# The smallest units of a group decay this many times as fast as the largest (its authors' 2^4).
SPREAD = 16.0


class TorchPruning(Method):
    """The network is trained whole, and pruned once, at the end of the main phase.

    The criterion "group-norm" learns sparsely before that: mean NLL + lambda / 2 sum_k gamma_k ||w_k||², where w_k are
    all weights that leave with unit k, gamma_k = 16^((N - ||w_k||) / (N - n)), and N and n are the largest and the
    smallest norm in its group.

    Reference: Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023, eq. 5 and 6; Molchanov et al.,
    Importance Estimation for Neural Network Pruning, CVPR 2019.
    """

    settings: TorchPruningConfig
    _owners: list[tuple[str, int, Tensor, Tensor]] | None = None

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """The decay of groups; there is no KL."""
        zero = torch.zeros((), device=strength.device)
        if self.settings.criterion != "group-norm":
            return Penalty(zero, zero, zero)
        squares = self.squared_norms(network)
        factors = []
        for norms in squares.detach().sqrt().split(noise_of(network).layout.sizes):
            largest, smallest = norms.max(), norms.min()
            factors.append(SPREAD ** ((largest - norms) / (largest - smallest).clamp(min=1e-12)))
        return Penalty(self.settings.group_decay / 2 * (torch.cat(factors) * squares).sum(), zero, zero)

    def squared_norms(self, network: nn.Module) -> Tensor:
        """||w_k||² of every unit, [units], over the weights that leave with it; 0 for pixels and single features."""
        parameters = dict(network.named_parameters())
        if self._owners is None:
            self._owners = _owners(network)
        squares = torch.zeros(noise_of(network).layout.n_units, device=next(iter(parameters.values())).device)
        for name, dim, entries, units in self._owners:
            parameter = parameters[name].transpose(0, dim)
            of_entries = parameter.square().reshape(len(parameter), -1).sum(1)
            squares = squares.index_add(0, units, of_entries[entries])
        return squares

    def choose(self, network: nn.Module, images: Tensor, labels: Tensor) -> None:
        """Prunes down to the share of MACs that is asked for."""
        told = self.settings
        masks = chosen(network, told.criterion, told.kept_macs, images, labels, told.uniform)
        noise_of(network).set_masks(masks)


def chosen(
    network: nn.Module, criterion: str, share: float, images: Tensor, labels: Tensor, uniform: bool = False
) -> Masks:
    """Which units Torch-Pruning keeps at a share of the MACs.

    Args:
        network: with masks or noise, which change nothing here.
        criterion: one of `IMPORTANCE`.
        share: of the dense MACs, in (0, 1]; the most that it keeps within that is kept.
        images, labels: training examples, of which Taylor's criterion reads some.
        uniform: whether each group loses the same share of its units; else all channels and neurons are ranked as one.

    Returns:
        Masks by group, closed.

    Raises:
        ValueError: the ranking empties a group first.
    """
    description = described(network)
    groups, dense = description.groups, description.dense_macs()
    plain = uninstall(copy.deepcopy(network)).eval().requires_grad_(True)
    if criterion == "taylor":
        some = slice(min(TAYLOR_EXAMPLES, len(images)))
        functional.cross_entropy(plain(images[some]), labels[some]).backward()
    makers = {member: group.name for group in noise_of(network).layout.groups for member in group.members}
    names = {module: name for name, module in plain.named_modules()}
    last = [plain.get_submodule(wire.name) for wire in description.weights if not wire.makes]

    def masks_at(ratio: float) -> Masks:
        pruner = torch_pruning.pruner.BasePruner(
            plain, images[:1], IMPORTANCE[criterion](), not uniform, ratio, ignored_layers=last
        )
        masks = {group.name: np.ones(group.units, dtype=bool) for group in groups}
        for removed in pruner.step(interactive=True):
            dependency, units = removed[0]
            masks[makers[names[dependency.target.module]]][units] = False
        return propagate(masks, groups)

    def share_of(masks: Masks) -> float:
        return description.macs([int(mask.sum()) for mask in masks.values()]) / dense

    # A group that would be emptied stays whole, so the first ratio that is enough is looked for from below.
    low, high, found = 0.0, 0.0, masks_at(0.0)
    while share_of(found) > share:
        low, high = high, 1 - FACTOR * (1 - high)
        if 1 - high < FINEST:
            raise ValueError(
                f"kept_macs: Torch-Pruning's {criterion} ranking does not come down to {share:g} of the MACs before it "
                "empties a group, which it then leaves whole; ask for a larger share."
            )
        found = masks_at(high)
    while high - low > FINEST:
        ratio = (low + high) / 2
        masks = masks_at(ratio)
        if share_of(masks) <= share:
            high, found = ratio, masks
        else:
            low = ratio
    return found


def _owners(network: nn.Module) -> list[tuple[str, int, Tensor, Tensor]]:
    """Of each weight and dimension: its entries that belong to a channel or neuron, and the units that they are of."""
    layout = noise_of(network).layout
    ranked = np.zeros(layout.n_units, dtype=bool)
    for group in layout.groups:
        ranked[layout.slices()[group.name]] = group.kind in ("channel", "neuron")
    found = []
    for name, parameter in network.named_parameters():
        for dim, owners in layout.axes.get(name, {}).items() if name.endswith("weight") else ():
            for of in owners:
                entries = np.flatnonzero((of >= 0) & ranked[of])
                if len(entries):
                    at, units = (torch.from_numpy(value).to(parameter.device) for value in (entries, of[entries]))
                    found.append((name, dim, at, units))
    return found
