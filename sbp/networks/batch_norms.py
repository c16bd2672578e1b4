"""The batch normalisations of a network, whichever network it is."""

from __future__ import annotations

from torch import nn

BatchNorm = nn.modules.batchnorm._BatchNorm


def batch_norms(network: nn.Module) -> list[BatchNorm]:
    """All batch normalisations, in the order of the network's modules.

    >>> len(batch_norms(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))))
    1
    """
    return [module for module in network.modules() if isinstance(module, BatchNorm)]
