"""The negative variational bound per object: the one place where the KL's scale is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from sbp.distributions import TruncatedLogNormal
from sbp.distributions.fast import kl_of_units
from sbp.layer import SBPLayer


class Bound(NamedTuple):
    """Scalars in nats: nll and loss per object, kl and kl_weighted of the whole network."""

    loss: Tensor
    nll: Tensor
    kl: Tensor
    kl_weighted: Tensor


def negative_bound(
    logits: Tensor,
    labels: Tensor,
    layers: Sequence[SBPLayer],
    n_train: int,
    kl_weights: Sequence[float] = (),
) -> Bound:
    """-L / N = mean NLL + sum_l weight_l KL_l / N for a minibatch (eq. 4, 12), with the KL summed over units.

    logits: [objects, classes]; labels: int64 [objects]; n_train is N, the number of training objects (not the
    batch's), so the minimum does not depend on the batch size. kl_weights: one a layer, none means 1 each (the
    paper's bound). Raises ValueError when there are not as many weights as layers.

    >>> bound = negative_bound(torch.zeros(4, 10), torch.zeros(4, dtype=torch.long), [SBPLayer(2)], n_train=100)
    >>> round(bound.nll.item(), 4), bool(bound.loss > bound.nll)
    (2.3026, True)
    """
    if kl_weights and len(kl_weights) != len(layers):
        raise ValueError(f"Expected one KL weight for each of {len(layers)} layers, got {len(kl_weights)}.")
    nll = functional.cross_entropy(logits, labels)
    kl_of_layers = kl_by_layer(layers)
    kl = kl_of_layers.sum()
    weighted = sum((w * term for w, term in zip(kl_weights, kl_of_layers, strict=True)), 0 * kl) if kl_weights else kl
    return Bound(nll + weighted / n_train, nll, kl, weighted)


def kl_by_layer(layers: Sequence[SBPLayer]) -> Tensor:
    """KL(q || p) of each layer, [layers], in nats: all units of the network in one evaluation."""
    return torch.stack([part.sum() for part in kl_of_units(*_side_by_side(layers)).split(_units(layers))])


@torch.no_grad()
def mean_and_keep(layers: Sequence[SBPLayer]) -> list[tuple[Tensor, Tensor]]:
    """E[theta] and `keep` of each layer, [units] each: what `SBPLayer` says of itself, in one evaluation for all.

    >>> [(mean, keep)] = mean_and_keep([SBPLayer(2, init_log_scale=0)])
    >>> mean, keep
    (tensor([0.5232, 0.5232]), tensor([True, True]))
    """
    q = TruncatedLogNormal(*_side_by_side(layers), validate_args=False)
    parts = zip(layers, q.mean.split(_units(layers)), q.snr.split(_units(layers)), strict=True)
    return [
        (mean, snr >= layer.threshold if layer.fixed_keep is None else layer.fixed_keep) for layer, mean, snr in parts
    ]


def _units(layers: Sequence[SBPLayer]) -> list[int]:
    return [layer.units for layer in layers]


def _side_by_side(layers: Sequence[SBPLayer]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """mu, sigma, a and b of every unit of the network, each [all units]."""
    loc, scale = (torch.cat(parts) for parts in zip(*(layer.in_box() for layer in layers), strict=True))
    low = torch.cat([layer.loc.new_full((layer.units,), layer.log_low) for layer in layers])
    high = torch.cat([layer.loc.new_full((layer.units,), layer.log_high) for layer in layers])
    return loc, scale, low, high
