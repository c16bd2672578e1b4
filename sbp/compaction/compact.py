"""Cuts what is pruned out of a network: the user's own class, with smaller tensors."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import nn

from sbp.noise.install import copied, noise_of, parts_with_noise, uninstall
from sbp.noise.removal import remove_units
from sbp.noise.unit_mask import Masks, UnitMask
from sbp.spec.layout import close_units

M = TypeVar("M", bound=nn.Module)


def compact(model: M, masks: Masks | None = None) -> M:
    """A new network of the same class with the pruned units cut out, computing what the masked one computes.

    Every layer's weights lose the rows of the units that it makes and the columns of those that it reads; E[theta] of
    each unit that stays goes into the columns that read it. Where nothing before a dense layer can leave single inputs
    out (pixels, single features of a map), it reads a selection of them (`SelectedLinear`).

    Args:
        model: a network with noise (`sbp.attach`), on itself or on parts of it; not changed.
        masks: bool [units] by group, True = kept; None: what the noise keeps, SNR >= 1.

    Returns:
        The compact network, in eval mode, without noise. A group that keeps nothing is left one unit that nothing
        hears.

    Raises:
        ValueError: the network has no noise, the noise is off, the masks do not fit it, or it cannot be copied.

    >>> import torch
    >>> from sbp.noise.attach import attach
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10))
    >>> noise = attach(model, torch.randn(2, 3, 4, 4))
    >>> compact(model, {"0": [True, True, False, True, False, False, False, False]})[3]
    Linear(in_features=12, out_features=10, bias=True)
    """
    small = copied(model).eval()
    for noise, part in zip(_noises(model, masks), parts_with_noise(small), strict=True):
        theta = noise.mean_theta().detach().cpu().double().numpy()
        remove_units(uninstall(part), noise.layout, kept_units(noise, masks), theta)
    return small


def masked(model: M, masks: Masks | None = None) -> M:
    """A copy in eval mode whose pruned units are multiplied by 0 and the others by E[theta], shapes unchanged.

    Args:
        model: a network with noise (`sbp.attach`), on itself or on parts of it; not changed.
        masks: bool [units] by group, True = kept; None: what the noise keeps, SNR >= threshold.

    Returns:
        The masked network, which computes what `compact` of the same masks computes.

    Raises:
        ValueError: the network has no noise, the noise is off, the masks do not fit it, or it cannot be copied.

    >>> import torch
    >>> from sbp.noise.attach import attach
    >>> model = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
    >>> noise = attach(model, torch.randn(2, 4))
    >>> x, masks = torch.randn(5, 4), {"0": [True, False]}
    >>> torch.allclose(masked(model, masks)(x), compact(model, masks)(x), atol=1e-6)
    True
    """
    whole = copied(model).eval()
    for noise, part in zip(_noises(model, masks), parts_with_noise(whole), strict=True):
        noise_of(part).set_masks(noise.layout.split(kept_units(noise, masks)))
    return whole


def _noises(model: nn.Module, masks: Masks | None) -> list[UnitMask]:
    """The noise of each part that has one, of a single one where masks are given."""
    parts = parts_with_noise(model) if masks is None else []
    return [noise_of(part) for part in parts or [model]]


def kept_units(noise: UnitMask, masks: Masks | None = None) -> np.ndarray:
    """What a network keeps, bool [units] of all groups, closed (`close_units`); masks: as for `compact`.

    Raises:
        ValueError: the noise is off, as while a network is pretrained, or the masks do not fit.
    """
    if noise.mode == "off":
        raise ValueError('Expected a network with its noise on; the mode of this one is "off", as in its pretraining.')
    if masks is None:
        keep = noise.keep_units().cpu().numpy()
    else:
        keep = noise.layout.join({name: np.asarray(mask, bool) for name, mask in masks.items()})
    return close_units(noise.layout, keep)


def masks_of(model: nn.Module) -> dict[str, np.ndarray]:
    """What a network itself keeps, closed: bool [units] by group.

    Raises:
        ValueError: its noise is off, as while it is pretrained, or it has none.
    """
    noise = noise_of(model)
    return noise.layout.split(kept_units(noise))
