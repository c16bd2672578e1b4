"""One factor a unit at the inputs of every layer that reads it: what all kinds of noise and masks have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sbp.noise.eval_factor import EvalFactor
from sbp.noise.state import ForwardState
from sbp.spec.layout import Group, Layout, Refusal

MODES = ("auto", "mean", "sample", "off")
UNDECIDED = -1
Masks = Mapping[str, Any]


class UnitMask(EvalFactor):
    """Multiplies every unit by 1 where it is kept and by 0 where it is pruned, wherever it is read.

    Put on a network by `sbp.attach_mask(model, example_input)`: for methods whose units learn no noise. What
    comes in as multipliers from outside (`draw` of a subclass, or `using(theta=...)`) is multiplied by the mask too.

    Args:
        layout: the network's units.

    Attributes:
        decided: int8 [units], a buffer: 1 kept, 0 pruned, -1 left to the noise (here: kept).
        mode: "auto" samples in training and takes the mean in eval; "mean", "sample" and "off" (all factors 1) hold
            whatever the network does.
    """

    decided: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout.n_units)
        self.layout = layout
        self.mode = "auto"
        self.register_buffer("decided", torch.full((layout.n_units,), UNDECIDED, dtype=torch.int8))
        self._state = ForwardState()

    def forward(self, x: Any) -> Any:
        """Its input: in an `nn.Sequential`, which calls all its submodules in turn, the noise stands last."""
        return x

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of units, in the order of the forward pass."""
        return self.layout.groups

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """The groups that were left alone, each with the reason."""
        return self.layout.refused

    @property
    def keep(self) -> dict[str, Tensor]:
        """Which units stay, bool [units] by group."""
        return self.by_group(self.keep_units())

    def keep_units(self) -> Tensor:
        """Which units stay, bool [units] of all groups."""
        return self.decided != 0

    def by_group(self, values: Tensor) -> dict[str, Tensor]:
        """Values of all units, [..., units], as views by group."""
        return dict(zip(self.layout.names, values.split(self.layout.sizes, dim=-1), strict=True))

    @torch.no_grad()
    def set_masks(self, masks: Masks | None) -> None:
        """Decides from outside which units stay; None leaves all of them to the noise again.

        Args:
            masks: bool [units] by group, True = kept; a group that is not named stays as it is.

        Raises:
            ValueError: a group is unknown, or a mask has another shape.
        """
        if masks is None:
            self.decided.fill_(UNDECIDED)
        else:
            for part, mask in [self._checked(name, mask) for name, mask in masks.items()]:
                part.copy_(mask)
        self.decides = masks is not None
        self._refresh()

    def _checked(self, name: str, mask: Any) -> tuple[Tensor, Tensor]:
        parts = self.by_group(self.decided)
        if name not in parts:
            raise ValueError(f"masks: expected groups among {', '.join(parts)}, got {name!r}.")
        given = torch.as_tensor(np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask))
        if given.shape != parts[name].shape:
            expected = list(parts[name].shape)
            raise ValueError(f"masks: expected shape {expected} for {name}, got {list(given.shape)}.")
        return parts[name], given.bool()

    @contextmanager
    def using(
        self, mode: str | None = None, *, theta: Tensor | None = None, masks: Masks | None = None
    ) -> Iterator[UnitMask]:
        """Within it the network computes otherwise; everything is restored at its end.

        Args:
            mode: "mean", "sample" or "off"; None leaves it as it is.
            theta: multipliers of every unit for all forward passes in it, [examples or 1, units].
            masks: as for `set_masks`.

        Raises:
            ValueError: the mode is unknown, or theta or a mask has another shape.
        """
        if mode is not None and mode not in MODES:
            raise ValueError(f"mode: expected one of {', '.join(MODES)}, got {mode!r}.")
        if theta is not None and (theta.dim() != 2 or theta.shape[1] != self.layout.n_units):
            raise ValueError(
                f"theta: expected [examples or 1, {self.layout.n_units}], one per unit, got {list(theta.shape)}."
            )
        before = self.mode, self._given, self.decided.clone(), self.decides
        self.mode = self.mode if mode is None else mode
        self._given = before[1] if theta is None else theta
        try:
            if masks is not None:
                self.set_masks(masks)
            yield self
        finally:
            self.mode, self._given = before[:2]
            if masks is not None:
                with torch.no_grad():
                    self.decided.copy_(before[2])
                self.decides = before[3]
                self._refresh()

    _given: Tensor | None = None
    decides = False  # whether `decided` decides anything: a plain flag, so that no step waits for the device

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self.decides = bool((self.decided != UNDECIDED).any())
        self._refresh()

    @property
    def samples(self) -> bool:
        """Whether the next forward pass draws."""
        return self.training if self.mode == "auto" else self.mode == "sample"

    def draw(self, examples: int, generator: torch.Generator | None = None) -> Tensor | None:
        """Multipliers for the next forward pass, [examples, units]; None: none but the mask."""
        return None

    def rows_for(self, examples: int) -> int:
        """Rows of multipliers that a forward pass of so many examples takes when it draws."""
        return examples

    def set_next(self, multipliers: Tensor | None) -> None:
        """Sets the multipliers of the next forward pass that samples, [examples, units]; None forgets them."""
        self._state.pending = None if multipliers is None else self._masked(multipliers)

    def _masked(self, theta: Tensor) -> Tensor:
        return theta * (self.decided != 0) if self.decides else theta

    def begin(self, examples: int) -> None:
        """Decides what a forward pass of so many examples multiplies by; called by the network's own hook."""
        state = self._state
        state.theta, state.reentrant = None, False
        theta = self._given
        if theta is None and self.mode == "off":
            state.parts = None
            return
        if theta is None and self.samples:
            pending, state.pending = state.pending, None
            theta = self.draw(examples) if pending is None or len(pending) != self.rows_for(examples) else pending
            state.theta = theta
            if theta is None:
                # Not `eval_factor`: a step that was captured or compiled would keep the tensor that it was then.
                theta = self.expected_theta()[None]
        if theta is None:
            theta = self.eval_values()[None]
        state.parts = theta.split(self.layout.sizes, dim=1)

    def expected_theta(self) -> Tensor:
        """E[theta] * keep of every unit, [units], without gradient: here 1 or 0."""
        return self.keep_units().to(self.eval_factor.dtype)

    def mean_theta(self) -> Tensor:
        """E[theta] of every unit, kept or not, [units], without gradient: here 1."""
        return torch.ones_like(self.eval_factor)

    def _decides(self) -> tuple[Tensor, ...]:
        return (self.decided,)

    def extra_repr(self) -> str:
        """What `print` shows of it."""
        return ", ".join(f"{group.name}: {group.units} {group.kind}s" for group in self.groups)
