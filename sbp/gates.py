"""What stands in a noise layer's place where units have no noise of their own to learn: a gate that is open or shut."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sbp.layer import spread


class Gate(nn.Module):
    """Multiplies each unit by 1 where it is kept and by 0 where it is removed, and in training by noise drawn outside.

    y = x * drawn * keep in training, where `drawn` [objects, units] holds the multipliers of the next forward pass
    (None: 1), and y = x * keep in eval. Like `SBPLayer` it stands after the activation, where 0 removes a unit exactly,
    and has one name for one thing with it: `units`, `axis`, `keep`, `active`, `mean_theta`, `expected_theta`.

    keep: bool [units], a buffer, so that what a run removed is in its file. Raises ValueError when the input's unit
    axis does not have `units` entries.

    >>> gate = Gate(3).eval()
    >>> gate.keep_only(torch.tensor([True, False, True]))
    >>> gate(torch.ones(1, 3))
    tensor([[1., 0., 1.]])
    """

    keep: Tensor

    def __init__(self, units: int, axis: int = 1) -> None:
        super().__init__()
        self.units, self.axis = units, axis
        self.register_buffer("keep", torch.ones(units, dtype=torch.bool))
        self.drawn: Tensor | None = None
        self.active = True  # False: the identity, as while pretraining

    def forward(self, x: Tensor) -> Tensor:
        """x times the gates, of x's shape."""
        if not self.active:
            return x
        factor = self.keep[None] if self.drawn is None or not self.training else self.drawn * self.keep
        return x * spread(factor, x, self.axis).to(x.dtype)

    def keep_only(self, keep: Tensor) -> None:
        """Decides which units stay, bool [units]."""
        self.keep = keep.to(self.keep.device)

    def mean_theta(self) -> Tensor:
        """What a kept unit is multiplied by once training is over: 1, [units]."""
        return torch.ones(self.units, device=self.keep.device)

    def expected_theta(self) -> Tensor:
        """1 for a kept unit, 0 for a removed one, [units]."""
        return self.mean_theta() * self.keep

    def extra_repr(self) -> str:
        """What `print` shows of the gate."""
        return f"units={self.units}, axis={self.axis}"
