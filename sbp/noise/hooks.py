"""The hooks by which noise reaches a network: one draws for a forward pass, one multiplies a layer's input.

Small objects, not closures: they are copied and saved with the network, and refer to its noise, not to any graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp.noise.inputs import Arguments, first_tensor, float_outputs, with_first
from sbp.noise.layers import Convolution
from sbp.noise.selected_linear import SelectedLinear
from sbp.noise.unit_mask import UnitMask
from sbp.spec.layout import NONE, Owners, runs

# How a stretch of a layer's inputs takes its factors from one group: as they are; each several times in a row (a
# flattened map); by an index; or 1, where they belong to no group.
Step = tuple[int, str, int]
# Bytes of a product from which on it is computed again in the backward pass: what is smaller costs a kernel's launch.
LARGE = 16 * 2**20


class BeginForward:
    """Before a network's forward pass: decides what it multiplies by; where pixels are units, multiplies its input."""

    def __init__(self, noise: UnitMask) -> None:
        self.noise = noise
        names = noise.layout.names
        self.pixels = names.index(noise.layout.pixels) if noise.layout.scales_input else None

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments | None:
        """Sets the noise's state; gives other arguments where the input is multiplied."""
        first = first_tensor(args, kwargs)
        self.noise.begin(first.shape[0])  # not len(): an exporter would take it for a constant
        self.noise._state.running = True
        parts = self.noise._state.parts
        if self.pixels is None or parts is None:
            return None
        image = spread_pixels(parts[self.pixels], first, self.noise.groups[self.pixels].shape)
        return with_first((args, kwargs), first, first * _like(image, first))


class EndForward:
    """After a network's forward pass. What it multiplied by stays, since a checkpointed part is computed once more."""

    def __init__(self, noise: UnitMask) -> None:
        self.noise = noise

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Marks the end, and has the pass brought back when its gradients come in."""
        state = self.noise._state
        state.running = False
        if state.parts is not None and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            state.remember(float_outputs(output))


class MultiplyInput:
    """Before a layer's forward pass: multiplies each of its inputs by the factors of the units it belongs to."""

    def __init__(self, noise: UnitMask, owners: Owners, rows: int) -> None:
        self.noise, self.rows = noise, rows
        sizes = noise.layout.sizes
        starts = [end - size for end, size in zip(accumulate(sizes), sizes, strict=True)]
        self.factors = [self._steps(owner, starts, sizes) for owner in owners]
        self.last: tuple[Tensor, Tensor, Tensor] | None = None  # between this hook and the next one, `ForgetProduct`

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The layer's arguments with its input multiplied, None while the noise is off."""
        x = args[0]
        state = self.noise._state
        again = not state.running and in_backward()
        if not state.running and not again:  # a part of the network is called by itself
            self.noise.begin(x.shape[0] // self.rows)
        if state.parts is None:
            return None
        if isinstance(module, SelectedLinear):
            x = module.select(x)
        if state.running and not torch.is_grad_enabled():
            state.reentrant = True
        factor = self._factor(state.read_again(self.noise) if again else state.parts)
        if self.rows > 1 and len(factor) > 1:
            factor = factor.repeat_interleave(self.rows, 0)
        count, inputs = factor.shape
        if count not in (1, x.shape[0]):
            raise ValueError(
                f"A layer reads {len(x)} rows where theta was drawn for {count}: the first tensor among the network's "
                "arguments counts the examples by its axis 0, and theta given from outside must have one row for each."
            )
        axis = 1 if isinstance(module, Convolution) else -1
        if inputs != x.shape[axis]:
            raise ValueError(
                f"A layer reads {x.shape[axis]} units where the noise has {inputs}: the network was cut after "
                "sbp.attach. Take the noise off with sbp.detach before another pruner cuts it, and attach it again "
                "afterwards; sbp.compact cuts both."
            )
        between = [1] * (x.dim() - 2)
        shape = (count, inputs, *between) if isinstance(module, Convolution) else (count, *between, inputs)
        factor = _like(factor.view(shape), x)
        product = x * factor
        if not torch.compiler.is_compiling() and factor.requires_grad and product.nbytes >= LARGE:
            self.last = x, factor, product
        return product, *args[1:]

    def _factor(self, parts: tuple[Tensor, ...]) -> Tensor:
        made = [self._side_by_side(steps, parts) for steps in self.factors]
        return made[0] if len(made) == 1 else made[0] * made[1]

    def _side_by_side(self, steps: list[Step], parts: tuple[Tensor, ...]) -> Tensor:
        pieces = []
        for group, how, number in steps:
            if how == "ones":
                pieces.append(parts[0].new_ones(len(parts[0]), number))
            elif how == "all":
                pieces.append(parts[group])
            elif how == "repeat":
                pieces.append(parts[group].repeat_interleave(number, 1))
            else:
                pieces.append(parts[group].index_select(1, getattr(self.noise, f"_index_{number}")))
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, 1)

    def _steps(self, owner: np.ndarray, starts: Sequence[int], sizes: Sequence[int]) -> list[Step]:
        steps: list[Step] = []
        for group, units in runs(owner, starts, sizes):
            every = np.arange(sizes[group]) if group != NONE else units
            times, rest = divmod(len(units), len(every))
            if group == NONE:
                steps.append((group, "ones", len(units)))
            elif np.array_equal(units, every):
                steps.append((group, "all", 1))
            elif not rest and np.array_equal(units, np.repeat(every, times)):
                steps.append((group, "repeat", times))
            else:
                steps.append((group, "index", self._index(units)))
        return steps

    def _index(self, units: np.ndarray) -> int:
        number = sum(name.startswith("_index_") for name, _ in self.noise.named_buffers())
        self.noise.register_buffer(f"_index_{number}", torch.from_numpy(units.astype(np.int64)), persistent=False)
        return number


class ForgetProduct:
    """After a convolution's forward pass: its backward pass computes x * theta again instead of keeping it.

    x is kept anyway, for the gradient in theta and often by the layer that made it; so noise needs next to no memory
    for maps. The numbers are the same to the bit. A compiler decides for itself what to keep.
    """

    def __init__(self, multiply: MultiplyInput) -> None:
        self.multiply = multiply

    def __call__(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        """Has the output's node compute what it saved, where that is the product."""
        if self.multiply.last is None:
            return
        x, factor, product = self.multiply.last
        self.multiply.last = None
        node = output.grad_fn if isinstance(output, Tensor) else None
        if not hasattr(node, "_raw_saved_input"):
            return
        # Another tensor is saved where the layer pads by itself or autocast casts, and under checkpointing none yet.
        with suppress(RuntimeError):
            saved = node._saved_input  # type: ignore[union-attr]  # it has `_raw_saved_input`
            if saved.data_ptr() == product.data_ptr() and saved.dtype == product.dtype:
                node._raw_saved_input.register_hooks(lambda _: None, lambda _: x * factor)  # type: ignore[union-attr]


def spread_pixels(part: Tensor, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """theta of the pixels, [examples or 1, pixels], in a shape that multiplies the input x.

    The channels of an image share a pixel's theta.
    """
    if x.shape[1:].numel() == part.shape[1]:
        return part.view(len(part), *x.shape[1:])
    return part.view(len(part), *[1] * (x.dim() - 1 - len(shape)), *shape)


def _like(factor: Tensor, x: Tensor) -> Tensor:
    """In x's precision: a theta in float32 would make float32 of all that a network computes in bf16."""
    return factor.to(x.dtype) if x.is_floating_point() else factor


def in_backward() -> bool:
    """Whether autograd is at work, as where a checkpointed part is computed again."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
