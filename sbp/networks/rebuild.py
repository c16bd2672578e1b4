"""A compact network from what a file can hold: its name, its widths and its tensors. Needs no pruning code.

It is of the same class as the network that it was cut from, with smaller widths. Where that one has noise, this one
has nothing, or a `Select` of the features that go on, where no weights before it could leave the others out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from sbp.networks.lenet import NoisyNetwork
from sbp.networks.registry import build
from sbp.networks.specs import SPECS, LayerInfo
from sbp.networks.wiring import WIRING, WeightLayer


class Select(nn.Module):
    """Lets the features at `index` through: [objects, features] -> [objects, len(index)].

    >>> Select(torch.tensor([0, 2]))(torch.tensor([[5.0, 6.0, 7.0]]))
    tensor([[5., 7.]])
    """

    index: Tensor

    def __init__(self, index: Tensor) -> None:
        super().__init__()
        self.register_buffer("index", index)

    def forward(self, x: Tensor) -> Tensor:
        """The selected columns of x."""
        return x.index_select(1, self.index)

    def extra_repr(self) -> str:
        """What `print` shows of the layer."""
        return f"{len(self.index)} features"


def rebuild(name: str, widths: Sequence[int], tensors: Mapping[str, Tensor]) -> NoisyNetwork:
    """The compact network of this name and these widths, holding `tensors` (its `state_dict`), in eval mode.

    widths: as the network's class takes them, each 0 or more; all 0 is the constant predictor. tensors: "LAYER.weight"
    and "LAYER.bias" of every layer of weights, and "noise.LAYER.index" (int64, the places of the kept features among
    those that come in) where features are selected. The tensors are used as they are, not copied.
    Raises ValueError with a sentence when a name, a shape or an index does not fit.

    >>> sizes = {"dense1": (2, 784), "dense2": (3, 2), "output": (10, 3)}
    >>> tensors = {f"{name}.weight": torch.ones(shape) for name, shape in sizes.items()}
    >>> tensors |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in sizes.items()}
    >>> rebuild("lenet-500-300", (2, 3), tensors)(torch.ones(1, 784)).shape
    torch.Size([1, 10])
    """
    widths = tuple(int(width) for width in widths)
    if name not in WIRING:
        raise ValueError(f"name: expected one of {', '.join(WIRING)}, got {name!r}.")
    if len(widths) != len(SPECS[name].widths) or min(widths) < 0 or (0 in widths and any(widths)):
        n = len(SPECS[name].widths)
        raise ValueError(f"widths: expected {n} numbers for {name}, all at least 1 or all 0, got {list(widths)}.")
    # On the meta device nothing is drawn or allocated; its own weights are replaced below.
    with torch.device("meta"):
        network = build(name, [max(width, 1) for width in widths])
    layers = SPECS[name].layers(widths)
    _check_names(name, layers, tensors)
    network.widths = widths
    network.layers = tuple(_selected(layer, tensors) for layer in layers)
    for layer in layers:
        index = tensors.get(_index_name(layer))
        network.noise[layer.name] = nn.Identity() if index is None else Select(index)
    kept = {layer.name: layer.units for layer in network.layers}
    for weights in WIRING[name]:
        if weights.norm:
            network.norm[weights.name] = nn.Identity()  # it is in the weights
        _fill(getattr(network, weights.name), weights, kept, tensors)
    return network.eval()


def _index_name(layer: LayerInfo) -> str:
    return f"noise.{layer.name}.index"


def _check_names(name: str, layers: Sequence[LayerInfo], tensors: Mapping[str, Tensor]) -> None:
    needed = {f"{weights.name}.{part}" for weights in WIRING[name] for part in ("weight", "bias")}
    allowed = needed | {_index_name(layer) for layer in layers}
    missing, unknown = sorted(needed - set(tensors)), sorted(set(tensors) - allowed)
    if missing or unknown:
        raise ValueError(f"tensors: {name} lacks {missing} and has no place for {unknown}.")


def _selected(layer: LayerInfo, tensors: Mapping[str, Tensor]) -> LayerInfo:
    """The layer with as many units as its index lets through; whose pixels they are is no longer a grid."""
    index = tensors.get(_index_name(layer))
    if index is None:
        return layer
    fits = index.dim() == 1 and index.dtype == torch.int64
    if not fits or (len(index) and not 0 <= int(index.min()) <= int(index.max()) < layer.units):
        raise ValueError(f"{_index_name(layer)}: expected places from 0 to {layer.units - 1}, int64 in one row.")
    return replace(layer, units=len(index), shape=(len(index),), parent="")


def _fill(
    module: nn.Linear | nn.Conv2d, weights: WeightLayer, kept: Mapping[str, int], tensors: Mapping[str, Tensor]
) -> None:
    """Gives a module its weights, whatever their size, and tells it that size."""
    inputs, outputs = weights.inputs(kept), weights.outputs(kept)
    weight, bias = tensors[f"{weights.name}.weight"], tensors[f"{weights.name}.bias"]
    expected = (outputs, inputs, *module.weight.shape[2:])
    if weight.shape != expected or bias.shape != (outputs,):
        raise ValueError(f"{weights.name}.weight: expected shape {expected}, got {tuple(weight.shape)}.")
    module.weight, module.bias = nn.Parameter(weight), nn.Parameter(bias)
    tell_size(module)


def tell_size(module: nn.Linear | nn.Conv2d) -> None:
    """Tells a module the size of the weights that were put into it."""
    outputs, inputs = module.weight.shape[:2]
    if isinstance(module, nn.Conv2d):
        module.in_channels, module.out_channels = inputs, outputs
    else:
        module.in_features, module.out_features = inputs, outputs
