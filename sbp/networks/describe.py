"""Derives a network's description from its module: the groups, the layers of weights, what one unit owns.

`python -m sbp.networks.describe` writes those of all networks to where pages read them; a test holds them equal.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from sbp.noise.attach import find_layout
from sbp.noise.inputs import arguments_of, first_tensor
from sbp.noise.layers import Call, Convolution, inputs_of, is_depthwise, layer_calls, outputs_of, tensor_dims
from sbp.spec.description import Description, WeightLayer
from sbp.spec.layout import NONE, Group, Layout
from sbp.spec.networks import NETWORKS, SHIPPED, NetworkEntry


def network_class(entry: NetworkEntry) -> type[nn.Module]:
    """The class of a network that a run can name."""
    module, _, name = entry.home.partition(":")
    return cast(type[nn.Module], getattr(importlib.import_module(f"sbp.networks.{module}"), name))


DESCRIBED = "sbp_description"


def described(network: nn.Module) -> Description:
    """The description of a network that `sbp.networks.registry` built, or a copy of one.

    Raises:
        ValueError: it is another network.
    """
    found = getattr(network, DESCRIBED, None)
    if not isinstance(found, Description):
        raise ValueError("Expected a network that sbp.networks.registry.build made; describe_module describes others.")
    return found


def is_described(network: nn.Module) -> bool:
    """Whether `described` knows the network."""
    return isinstance(getattr(network, DESCRIBED, None), Description)


def example_of(entry: NetworkEntry, n: int = 2) -> torch.Tensor:
    """Images of the shape that a network reads, [n, C, H, W], the same at every call."""
    return torch.rand(n, *entry.image, generator=torch.Generator().manual_seed(0))


@cache
def layout_of(name: str, widths: tuple[int, ...] = (), pixels: bool = False) -> Layout:
    """The layout of a network that a run can name, at these widths; no widths means its own, pixels: with them.

    >>> layout_of("lenet-500-300", (4, 3)).sizes
    (784, 4, 3)
    """
    entry = NETWORKS[name]
    model = _built(entry, widths or entry.widths)
    return find_layout(model, example_of(entry), **{**entry.units, **({"pixels": True} if pixels else {})})


def describe(entry: NetworkEntry) -> Description:
    """The description of a network at its own widths, and how its groups grow with them."""
    described = describe_module(
        _built(entry, entry.widths), example_of(entry), entry.name, entry.title, entry.widths, units=entry.units
    )
    scales = [(-1, group.units) for group in described.groups]
    for index in range(len(entry.widths)):
        wider = tuple(width + (place == index) for place, width in enumerate(entry.widths))
        layout = find_layout(_built(entry, wider), example_of(entry), **entry.units)
        for place, (group, before) in enumerate(zip(layout.groups, described.groups, strict=True)):
            if group.units != before.units:
                scales[place] = index, group.units - before.units
    return replace(described, scales=tuple(scales))


def describe_module(
    model: nn.Module,
    example_input: Any,
    name: str,
    title: str = "",
    widths: Sequence[int] = (),
    *,
    layout: Layout | None = None,
    units: Any = None,
) -> Description:
    """The description of any network that `sbp.attach` takes; scales are left out.

    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> describe_module(model, torch.zeros(1, 4), "mine").dense_macs()
    18
    """
    layout = layout or find_layout(model, example_input, **(units or {}))
    arguments = arguments_of(example_input)
    modes = {module: module.training for module in model.modules()}
    calls = layer_calls(model.eval(), arguments)
    for module, mode in modes.items():
        module.training = mode  # of each by itself: some may be frozen in eval mode
    image = tuple(example_input.shape[1:]) if isinstance(example_input, torch.Tensor) else ()
    weights = _weights(model, layout, calls, len(first_tensor(*arguments)))
    return Description(name, title or name, tuple(widths), layout.groups, weights, image)  # type: ignore[arg-type]  # images have three axes


def _built(entry: NetworkEntry, widths: tuple[int, ...]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        return network_class(entry)(widths)


def _weights(model: nn.Module, layout: Layout, calls: dict[str, Call], examples: int) -> tuple[WeightLayer, ...]:
    starts = np.cumsum([0, *layout.sizes[:-1]])
    layers: list[WeightLayer] = []
    maps: dict[str, int] = {}  # rows of the map that a group's makers put out
    for name, call in calls.items():
        module = model.get_submodule(name)
        assert isinstance(module, nn.Linear | Convolution)
        conv = isinstance(module, Convolution)
        padding = module.padding[0] if isinstance(module, Convolution) else 0
        reads, times, owned = _shares(layout.reads.get(name, ()), layout.groups, starts)
        ((_, out), *_) = tensor_dims(module, reads=False)
        made_owners = layout.axes.get(f"{name}.weight", {}).get(out, ())
        makes, _, made = _shares(made_owners, layout.groups, starts)
        weight, depthwise = module.weight, is_depthwise(module)
        inputs, outputs = inputs_of(module), outputs_of(module)
        if isinstance(module, Convolution) and not depthwise:
            inputs //= module.groups  # each output reads those of its own group
        rows_in = call.inputs[2] if conv else 1
        before = next((maps[group] for group in reads if group in maps), rows_in)
        if conv:
            pool = max(1, before // rows_in)
        else:
            pool = _pool_before_flatten(before, times[0] if reads else 1)
        fully_made = makes and made == outputs
        layers.append(
            WeightLayer(
                name,
                "conv" if conv else "dense",
                reads,
                times,
                0 if reads and owned == inputs else inputs - (owned if reads else 0),
                makes[0] if makes else "",
                0 if fully_made else outputs - made,
                int(weight[0, 0].numel()) if conv else 1,
                max(1, round(call.places / examples)),
                1,
                0 if isinstance(padding, str) else padding,
                call.norm,
                depthwise,
            )
        )
        if layers[:-1] and pool > 1:
            _set_pool(layers, reads, pool)
        if conv and makes:
            maps[makes[0]] = call.outputs[2]
    return tuple(layers)


def _shares(
    owners: Sequence[np.ndarray], groups: Sequence[Group], starts: np.ndarray
) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """The groups among owners, entries a unit of each, and how many entries have an owner."""
    names: list[str] = []
    times: list[int] = []
    for owner in owners:
        own = owner[owner != NONE]
        for number in dict.fromkeys(np.searchsorted(starts, own, side="right") - 1):
            group = groups[int(number)]
            entries = ((owner >= starts[number]) & (owner < starts[number] + group.units)).sum()
            names.append(group.name)
            times.append(int(entries) // group.units)
    return tuple(names), tuple(times), int((owners[0] != NONE).sum()) if owners else 0


def _pool_before_flatten(rows: int, places: int) -> int:
    side = round(places**0.5)
    return max(1, rows // side) if side * side == places else 1


def _set_pool(layers: list[WeightLayer], reads: tuple[str, ...], pool: int) -> None:
    """Writes the pooling down at the layers that make what is read."""
    for number, layer in enumerate(layers):
        if layer.makes and layer.makes in reads and layer.kind == "conv":
            layers[number] = replace(layer, pool=pool)


def main() -> None:
    """Writes the descriptions of all networks."""
    SHIPPED.mkdir(exist_ok=True)
    for entry in NETWORKS.values():
        path = SHIPPED / f"{entry.name}.json"
        path.write_text(json.dumps(describe(entry).to_dict(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
