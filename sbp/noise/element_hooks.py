"""A theta for every element: what `theta_per="element"` puts on a network in the place of `hooks.MultiplyInput`."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from sbp.noise.hooks import MultiplyInput, in_backward
from sbp.noise.joint_noise import JointNoise
from sbp.noise.layers import Convolution
from sbp.noise.selected_linear import SelectedLinear
from sbp.spec.layout import NONE, Owners


class MultiplyElements(MultiplyInput):
    """Before a layer's forward pass: while the noise is drawn, multiplies each element by a draw of its own.

    An element is one entry of what the layer reads at one place of one example; its theta has the law of its unit's.
    """

    noise: JointNoise

    def __init__(self, noise: JointNoise, owners: Owners, rows: int) -> None:
        super().__init__(noise, owners, rows)
        self.entries = [self._index(np.maximum(owner, 0)) for owner in owners]
        self.owned = [self._index(owner != NONE) for owner in owners]

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The layer's arguments with its input multiplied; the mean and thetas given from outside as for any noise."""
        state = self.noise._state
        if not state.running and in_backward():
            raise RuntimeError("theta_per: element draws within the forward pass, which checkpointing would run again.")
        if not state.running or state.theta is None:
            return super().__call__(module, args)
        x: Tensor = module.select(args[0]) if isinstance(module, SelectedLinear) else args[0]
        last = x.movedim(1, -1) if isinstance(module, Convolution) else x
        for entries, owned in zip(self.entries, self.owned, strict=True):
            units, known = (getattr(self.noise, f"_index_{number}") for number in (entries, owned))
            theta = self.noise.draw_units(units, last[..., 0].numel())
            last = last * theta.where(known != 0, 1).view(last.shape).to(x.dtype)
        return (last.movedim(-1, 1) if isinstance(module, Convolution) else last), *args[1:]
