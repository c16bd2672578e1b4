"""All units of a network side by side: one mu and one log sigma for all its noise layers, drawn and moved at once.

A small network's step is mostly the starting of small operations; two parameters instead of two a layer make fewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sbp.distributions.fast import kl_of_units, theta_alone, theta_and_kl
from sbp.layer import LOC_MARGIN, LOG_SCALE_RANGE, SBPLayer


class AllUnits:
    """mu, log sigma, a and b of every unit of some layers, [units]; `loc` and `log_scale` are what an optimiser moves.

    The layers' own parameters become views of them, so that whatever one side writes the other reads. To be made
    once the layers are on their device.

    >>> layer = SBPLayer(3)
    >>> units = AllUnits([layer, SBPLayer(2)])
    >>> with torch.no_grad():
    ...     units.loc += 1
    >>> layer.loc.tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, layers: Sequence[SBPLayer]) -> None:
        self.layers, self.sizes = list(layers), [layer.units for layer in layers]
        self.loc = nn.Parameter(torch.cat([layer.loc.detach() for layer in layers]))
        self.log_scale = nn.Parameter(torch.cat([layer.log_scale.detach() for layer in layers]))
        self.low, self.high = self.per_unit([x.log_low for x in layers]), self.per_unit([x.log_high for x in layers])
        self.loc_range = self.low - LOC_MARGIN, self.high + LOC_MARGIN
        views = zip(layers, self.loc.detach().split(self.sizes), self.log_scale.detach().split(self.sizes), strict=True)
        for layer, loc, log_scale in views:
            layer.loc.data, layer.log_scale.data = loc, log_scale
        self._kl: Tensor | None = None

    def per_unit(self, of_layers: Sequence[float]) -> Tensor:
        """A number for each layer as one for each unit, [units]."""
        return torch.cat([torch.full((n,), float(x)) for x, n in zip(of_layers, self.sizes, strict=True)]).to(self.loc)

    def draw(self, objects: int, generator: torch.Generator | None = None, keep: Tensor | None = None) -> None:
        """Draws theta for every unit and hands each layer its part, [objects, units], for one forward pass.

        keep: bool [units], once the noise is frozen and no KL is asked for at every step; where it is False theta is 0.
        """
        noise = self.loc, self.log_scale, self.low, self.high
        if keep is None:
            theta, self._kl = theta_and_kl(*noise, objects, generator)
        else:
            theta = theta_alone(*noise, objects, generator) * keep
        for layer, part in zip(self.layers, theta.split(self.sizes, dim=1), strict=True):
            layer.drawn = part

    def kl(self) -> Tensor:
        """KL(q || p) of every unit in nats, [units]; like theta differentiable in `loc` and `log_scale`."""
        if self._kl is not None:  # it came with the draw
            return self._kl
        return kl_of_units(self.loc, self.log_scale.exp(), self.low, self.high)

    @torch.no_grad()
    def settle_(self) -> None:
        """After an optimiser's step: forgets the draws, and puts mu and log sigma back where `SBPLayer` has them."""
        self._kl = None
        for layer in self.layers:
            layer.drawn = None
        torch.clamp(self.loc, *self.loc_range, out=self.loc.data)
        self.log_scale.clamp_(*LOG_SCALE_RANGE)
