"""Groups that no layer makes: pixels of the input, single features behind a flatten; and units that share a theta."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp.noise.inputs import Arguments, converted, first_tensor, float_outputs, watch
from sbp.spec.layout import NONE, Group, Layout, Owners

PIXELS = "input"
FEATURES = "features"


def with_features(layout: Layout, readers: Sequence[str] | bool) -> Layout:
    """Adds a unit for each input of some dense layers, beside the channel that the input is a place of.

    Args:
        readers: the layers' names; True: every dense layer whose inputs are the flattened maps of one group.

    Raises:
        ValueError: a layer reads something else.
    """
    flattened = [name for name, owners in layout.reads.items() if _flattens(layout, owners)]
    chosen = list(readers) if not isinstance(readers, bool) else flattened if readers else []
    for name in chosen:
        if name not in layout.reads:
            raise ValueError(f"features: expected layers among {', '.join(layout.reads)}, got {name!r}.")
        parent = _only_group(layout, layout.reads[name])
        readers_of = [] if parent is None else layout.readers(layout.names[parent])
        others = [other for other in readers_of if other != name]
        if parent is None or others:
            raise ValueError(
                f"features: expected a layer that alone reads the units of one group, got {name}; "
                f"{', '.join(others) or 'other units'} {'read them too' if others else 'come in as well'}."
            )
        group = layout.groups[parent]
        inputs = len(layout.reads[name][0])
        side = inputs // group.units
        shape = (group.units, *_square(side)) if side > 1 else (group.units,)
        title = FEATURES if len(chosen) == 1 else f"{name}.{FEATURES}"
        new = Group(title, "feature", inputs, shape, parent=group.name)
        layout = _inserted(layout, new, parent + 1, {name: np.arange(inputs)})
    return layout


def with_pixels(layout: Layout, model: nn.Module, arguments: Arguments) -> Layout:
    """Adds a unit for each pixel of the network's input; the channels of an image share it.

    Where dense layers read the flattened image, a pixel leaves with its column of their weights; elsewhere it stays as
    a factor of 0 before the network.
    """
    image = first_tensor(*arguments)
    if not image.is_floating_point():
        raise ValueError("pixels: expected an input of floating-point numbers, got whole ones; noise multiplies it.")
    shape = tuple(image.shape[2:]) if image.dim() == 4 else tuple(image.shape[1:])
    shape = shape or (1,)
    pixels = int(np.prod(shape))
    owner = np.tile(np.arange(pixels), image.shape[1:].numel() // pixels)
    names = _reads_flattened(model, arguments, image)
    reads = dict.fromkeys(names, owner) if names and _nothing_else_reads(model, arguments, names) else {}
    kind = Group(PIXELS, "pixel", pixels, shape)
    return replace(_inserted(layout, kind, 0, reads), pixels=PIXELS)


def with_sharing(layout: Layout, share: Mapping[str, Any]) -> Layout:
    """Lets units of a group share a theta: they learn together, and leave together.

    Args:
        share: by group, which theta each unit has, whole numbers [units] from 0 without a gap.

    Raises:
        ValueError: an unknown group, another shape, or a gap.
    """
    for name, given in share.items():
        at, which = layout.slices(), np.asarray(given)
        if name not in at:
            raise ValueError(f"share: expected groups among {', '.join(at)}, got {name!r}.")
        units = at[name].stop - at[name].start
        whole = which.shape == (units,) and which.dtype.kind in "iu"
        if not whole or set(which.tolist()) != set(range(int(which.max()) + 1)):
            raise ValueError(f"share: expected {units} whole numbers from 0 without a gap for {name}, one per unit.")
        fewer = int(which.max()) + 1
        new = np.arange(layout.n_units + 1)
        new[at[name]] = at[name].start + which
        new[at[name].stop : -1] -= units - fewer
        new[-1] = NONE
        groups = tuple(replace(g, units=fewer, shape=(fewer,)) if g.name == name else g for g in layout.groups)
        layout = _renumbered(layout, groups, new)
    return layout


def _inserted(layout: Layout, group: Group, position: int, reads: Mapping[str, np.ndarray]) -> Layout:
    """A group put before the one at `position`; reads: by layer, the unit of the group that each input belongs to."""
    start = sum(layout.sizes[:position])
    new = np.arange(layout.n_units + 1)
    new[start:] += group.units
    new[-1] = NONE
    layout = _renumbered(layout, (*layout.groups[:position], group, *layout.groups[position:]), new)
    all_reads = dict(layout.reads)
    axes = {name: dict(dims) for name, dims in layout.axes.items()}
    for name, owner in reads.items():
        all_reads[name] = (*all_reads.get(name, ()), owner + start)
        dims = axes.setdefault(f"{name}.weight", {})
        dims[1] = (*dims.get(1, ()), owner + start)
    rows = {name: layout.rows.get(name, 1) for name in all_reads}
    return replace(layout, reads=all_reads, axes=axes, rows=rows)


def _renumbered(layout: Layout, groups: tuple[Group, ...], new: np.ndarray) -> Layout:
    return layout.mapped(groups, lambda owners: tuple(new[of] for of in owners))


def _only_group(layout: Layout, owners: Owners) -> int | None:
    """The group that all inputs belong to, None where there is no such one."""
    owner = owners[0]
    numbers = np.searchsorted(np.cumsum(layout.sizes), owner, side="right")
    same = len(owners) == 1 and (owner != NONE).all() and (numbers == numbers[0]).all()
    return int(numbers[0]) if same else None


def _flattens(layout: Layout, owners: Owners) -> bool:
    group = _only_group(layout, owners)
    return group is not None and len(owners[0]) > layout.groups[group].units


def _square(places: int) -> tuple[int, ...]:
    side = round(places**0.5)
    return (side, side) if side * side == places else (places,)


def _nothing_else_reads(model: nn.Module, arguments: Arguments, names: Sequence[str]) -> bool:
    """Whether the network gives the same for any image once these layers read zeros."""
    copied = copy.deepcopy(model).eval()
    for name in names:
        copied.get_submodule(name).register_forward_pre_hook(lambda _, inputs: (inputs[0] * 0, *inputs[1:]))
    generator = torch.Generator().manual_seed(0)
    other = converted(
        arguments, lambda t: torch.rand(t.shape, generator=generator).to(t) if t.is_floating_point() else t
    )
    with torch.no_grad():
        one, two = (float_outputs(copied(*args, **kwargs)) for args, kwargs in (arguments, other))
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def _reads_flattened(model: nn.Module, arguments: Arguments, image: Tensor) -> list[str]:
    """The dense layers whose input is the image itself, flattened."""
    found: dict[str, None] = {}
    flat = image.flatten(1)

    def hear(name: str, x: Tensor, _: Any) -> None:
        if x.shape == flat.shape and torch.equal(x, flat):
            found[name] = None

    copied = copy.deepcopy(model).eval()
    watch(copied, arguments, [name for name, m in copied.named_modules() if isinstance(m, nn.Linear)], hear)
    return list(found)
