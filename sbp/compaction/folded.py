"""Compact networks for many masks of one network: what is multiplied is multiplied once, masks then only choose."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from sbp.compaction.compact import kept_units
from sbp.networks.describe import described
from sbp.noise.install import noise_of, uninstall
from sbp.noise.layers import Convolution
from sbp.noise.removal import remove_units
from sbp.noise.selected_linear import replace_module


class Folded:
    """A network whose weights hold E[theta] and its batch normalisations, ready to be cut at any masks.

    W <- g / sqrt(v + eps) W D, b <- g / sqrt(v + eps) (b - m) + h for a normalisation with scale g, shift h, mean m and
    variance v after W, D the diagonal of E[theta] of what W reads; in float64, rounded once.

    Args:
        network: with its noise on, of `sbp.networks.registry`; neither changed nor to be changed.

    Raises:
        ValueError: its noise is off or was removed.

    >>> from sbp.networks.registry import build
    >>> small = Folded(build("lenet-500-300", (4, 3))).cut(
    ...     {"input": np.arange(784) < 300, "dense1": np.array([1, 0, 1, 0], bool), "dense2": np.ones(3, bool)}
    ... )
    >>> small.dense1
    SelectedLinear(in_features=300, out_features=2, bias=True)
    """

    @torch.no_grad()
    def __init__(self, network: nn.Module) -> None:
        self.noise = noise_of(network)
        kept_units(self.noise)  # refuses a network whose noise is off
        self.layout = self.noise.layout
        self.theta = self.noise.mean_theta().detach().cpu().double().numpy()
        self.bare = uninstall(copy.deepcopy(network)).eval()
        dtype = next(self.bare.parameters()).dtype
        everything = np.ones(self.layout.n_units, bool)
        remove_units(self.bare.double(), self.layout, everything, self.theta, scale_pixels=False)
        for layer in described(network).weights:
            if layer.norm:
                fold_norm(self.bare, layer.name, layer.norm)
        self.bare.to(dtype)

    @torch.no_grad()
    def cut(self, masks: Mapping[str, Any] | None = None) -> nn.Module:
        """The compact network of these masks, with tensors of its own, in eval mode; masks as for `compact`."""
        keep = kept_units(self.noise, masks)
        factors = np.ones(self.layout.n_units)
        if self.layout.scales_input:
            at = self.layout.slices()[self.layout.pixels]
            factors[at] = self.theta[at]
        return remove_units(copy.deepcopy(self.bare), self.layout, keep, factors)


def fold_norm(network: nn.Module, layer: str, norm: str) -> None:
    """Puts a batch normalisation into the layer of weights before it, in place; the identity stands in its place."""
    before, after = network.get_submodule(layer), network.get_submodule(norm)
    assert isinstance(after, nn.modules.batchnorm._BatchNorm)
    if isinstance(before, nn.Linear):
        folded: nn.Module = fuse_linear_bn_eval(before, after)
    else:
        assert isinstance(before, Convolution)
        folded = fuse_conv_bn_eval(before, after)
    replace_module(network, layer, folded)
    replace_module(network, norm, nn.Identity())
