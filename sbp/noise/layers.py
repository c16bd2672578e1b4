"""The layers that make and read units: their kinds, the tensors that hold entries of a unit, how they are called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from sbp.noise.inputs import Arguments, watch

Convolution = nn.modules.conv._ConvNd
# The layers that make units, and read them.
WEIGHTS = (Convolution, nn.Linear)
# What stands between them and has numbers of its own for each unit.
PER_UNIT = (nn.modules.batchnorm._BatchNorm, nn.modules.instancenorm._InstanceNorm, nn.LayerNorm, nn.PReLU)


@dataclass(frozen=True)
class Call:
    """One layer of weights as the example passes it: the shapes of what comes in and of what goes out, the batch
    normalisation that reads what goes out, if one does, and how often its weights are applied, in all its calls."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    norm: str = ""
    places: int = 0


def layer_calls(model: nn.Module, arguments: Arguments) -> dict[str, Call]:
    """Each layer of weights as it is called first, in the order of the calls; `places` counts later calls too."""
    kinds = (*WEIGHTS, nn.modules.batchnorm._BatchNorm)
    modules = {name: module for name, module in model.named_modules() if isinstance(module, kinds)}
    calls: dict[str, Call] = {}
    outputs: dict[str, Tensor] = {}  # kept, so that no two have one identity

    def hear(name: str, x: Tensor, output: Any) -> None:
        if not isinstance(modules[name], WEIGHTS):
            for layer, made in outputs.items():
                if x is made and not calls[layer].norm:
                    calls[layer] = replace(calls[layer], norm=name)
        elif isinstance(output, Tensor):
            if name not in calls:
                calls[name], outputs[name] = Call(tuple(x.shape), tuple(output.shape)), output
            module = modules[name]
            # The weights of a transposed convolution are applied at each place of its input.
            transposed = isinstance(module, Convolution) and module.transposed
            places = x.numel() // inputs_of(module) if transposed else output.numel() // outputs_of(module)
            calls[name] = replace(calls[name], places=calls[name].places + places)

    watch(model, arguments, modules, hear)
    return calls


def is_depthwise(module: nn.Module) -> bool:
    """Whether each output channel of a convolution reads one input channel of its own."""
    return isinstance(module, Convolution) and module.groups == module.in_channels == module.out_channels > 1


def tensor_dims(module: nn.Module, reads: bool) -> list[tuple[str, int]]:
    """Which parameters and buffers of a module lose entries, and along which dimension, as units leave.

    reads: whether they leave its inputs; else its outputs.
    """
    if isinstance(module, WEIGHTS):
        swapped = isinstance(module, Convolution) and module.transposed
        if reads:
            return [("weight", 0 if swapped else 1)]
        out = [("weight", 1 if swapped and not is_depthwise(module) else 0)]
        return [*out, ("bias", 0)] if module.bias is not None else out
    if isinstance(module, nn.Embedding):
        return [("weight", 1)]
    if not isinstance(module, PER_UNIT):
        return []
    tensors = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
    # Normalisations and PReLU: one number a channel, in the last dimension of each tensor that has one.
    return [(name, tensor.dim() - 1) for name, tensor in tensors.items() if tensor.dim() and tensor.numel() > 1]


def outputs_of(module: nn.Module) -> int:
    """Output channels of a convolution, or features of a dense layer."""
    return int(module.out_features if isinstance(module, nn.Linear) else module.out_channels)  # type: ignore[arg-type]  # of `WEIGHTS`


def inputs_of(module: nn.Module) -> int:
    """Input channels of a convolution, or features of a dense layer."""
    return int(module.in_features if isinstance(module, nn.Linear) else module.in_channels)  # type: ignore[arg-type]  # of `WEIGHTS`
