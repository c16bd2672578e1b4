"""What one forward pass multiplies by; not part of a network's state, so neither copied nor saved with it."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class ForwardState:
    """The multipliers of the forward pass in progress.

    parts: [examples or 1, units] of each group, None while the noise is off. pending: multipliers for the next forward
    pass that were drawn beforehand. kl: the KL of every unit that came with the last draw, for one use. running:
    whether the network's own forward pass is in progress.
    """

    def __init__(self) -> None:
        self.parts: tuple[Tensor, ...] | None = None
        self.pending: Tensor | None = None
        self.kl: Tensor | None = None
        self.running = False

    def __deepcopy__(self, memo: dict[int, Any]) -> ForwardState:
        return ForwardState()

    def __reduce__(self) -> tuple[type[ForwardState], tuple[()]]:
        return ForwardState, ()
