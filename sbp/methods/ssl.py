"""Structured sparsity learning: group lasso over the weights that a unit owns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sbp.methods.base import Penalty
from sbp.methods.on_weights import OnWeights, SparseLayer
from sbp.networks.describe import described
from sbp.spec import SSLConfig
from sbp.spec.description import WeightLayer

# A weight smaller than this is set to 0: no gradient step would put it there.
SMALLEST = 1e-4


class SSL(OnWeights):
    """mean NLL + lambda * sum_g ||w_g||_2 with lambda = `settings.group_penalty`: the norms, not their squares.

    Groups: every filter and every input channel of a convolution, every row and every column of a dense layer, where
    its going removes a unit; so neither the rows of the logits nor the image as the only channel of the first
    convolution. After each step weights below 1e-4 are 0. Fine-tuning keeps the zeros and has no penalty.

    Reference: Wen et al., Learning Structured Sparsity in Deep Neural Networks, NeurIPS 2016, eq. 1 and 3.
    """

    settings: SSLConfig

    def wrap(self, inner: nn.Linear | nn.Conv2d, wire: WeightLayer) -> SparseLayer:
        """A layer that removes what is 0."""
        return SparseLayer(inner)

    def penalty(self, network: nn.Module, n_train: int, strength: Tensor) -> Penalty:
        """lambda times the sum of the groups' norms; there is no KL."""
        zero = torch.zeros((), device=strength.device)
        return Penalty(self.settings.group_penalty * self.norms(network), zero, zero)

    def norms(self, network: nn.Module) -> Tensor:
        """The sum of the norms of all groups of the network, a scalar."""
        parts = [
            group_norms(layer.inner.weight, rows=bool(wire.makes), columns=bool(wire.reads))
            for wire, layer in zip(described(network).weights, self.layers(network), strict=True)
        ]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def project_(self, network: nn.Module) -> None:
        """Weights below 1e-4 become 0."""
        for layer in self.layers(network):
            layer.inner.weight.mul_(layer.inner.weight.abs() >= SMALLEST)


def group_norms(weight: Tensor, rows: bool = True, columns: bool = True) -> Tensor:
    """The sum of the Euclidean norms of a weight's rows and columns, a scalar; its kernels belong to both.

    weight: [outputs, inputs, ...]. The gradient is w / ||w_g|| and, where a whole group is 0, 0 (torch's norm sees to
    it): what is removed is not pushed, only pulled back by the data.

    >>> group_norms(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor(12.)
    """
    total = weight.new_zeros(())
    for wanted, axis in ((rows, 0), (columns, 1)):
        if wanted:
            total = total + torch.linalg.vector_norm(weight.transpose(0, axis).flatten(1), dim=1).sum()
    return total
