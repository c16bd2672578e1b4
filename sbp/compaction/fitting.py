"""Whether the tensors of a compact network fit together: within each layer, and each layer with what it reads."""

from __future__ import annotations

from torch import nn

from sbp.noise.selected_linear import SelectedLinear
from sbp.spec.description import Description, WeightLayer


def check_layers(model: nn.Module) -> None:
    """Raises ValueError with a sentence when the tensors of one layer do not fit each other.

    >>> layer = nn.Linear(3, 2)
    >>> layer.bias = nn.Parameter(layer.bias[:1])
    >>> check_layers(nn.ModuleDict({"dense1": layer}))
    Traceback (most recent call last):
    ValueError: dense1.bias: expected shape [2], got [1].
    """
    for path, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            _check_norm(path, module)
        if isinstance(module, nn.Linear | nn.Conv2d):
            _check_weights(path, module)


def check_neighbours(model: nn.Module, description: Description) -> None:
    """Raises ValueError with a sentence when a layer does not read as much as the layers before it put out.

    The description is of the network before the cut: its names and what reads what, whatever the sizes.
    """
    counts = {group.name: group.units for group in description.groups if group.kind == "pixel"}
    for weights in description.weights:
        module = model.get_submodule(weights.name)
        assert isinstance(module, nn.Linear | nn.Conv2d)
        rows, columns = module.weight.shape[:2]
        arriving = 1 if weights.depthwise else _arriving(weights, counts)
        if isinstance(module, SelectedLinear):
            if len(module.index) and int(module.index.max()) >= arriving:
                raise ValueError(f"{weights.name}.index: expected places below {arriving}, as many as come in.")
        elif columns != arriving:
            raise ValueError(f"{weights.name}.weight: expected {arriving} inputs, as many as come in, got {columns}.")
        made = counts.setdefault(weights.makes, rows) if weights.makes else weights.fixed_out
        if rows != made:
            raise ValueError(f"{weights.name}.weight: expected {made} outputs, got {rows}.")
        norm = model.get_submodule(weights.norm) if weights.norm else None
        if isinstance(norm, nn.modules.batchnorm._BatchNorm) and len(norm.weight) != rows:
            raise ValueError(f"{weights.norm}.weight: expected {rows} entries, got {len(norm.weight)}.")


def _arriving(weights: WeightLayer, counts: dict[str, int]) -> int:
    """Inputs that come in: of a map's places all, whichever of them are selected then."""
    reads = weights.reads[:1] if weights.by_feature else weights.reads
    return weights.fixed_in + sum(counts[name] * times for name, times in zip(reads, weights.times, strict=False))


def _check_norm(path: str, norm: nn.modules.batchnorm._BatchNorm) -> None:
    tensors = {name: getattr(norm, name) for name in ("weight", "bias", "running_mean", "running_var")}
    sizes = {name: list(tensor.shape) for name, tensor in tensors.items() if tensor is not None}
    if len({tuple(shape) for shape in sizes.values()}) > 1:
        raise ValueError(f"{path}: expected tensors of one length, got {sizes}.")


def _check_weights(path: str, module: nn.Linear | nn.Conv2d) -> None:
    outputs = len(module.weight)
    shape = list(module.weight.shape)
    if 0 in shape:
        raise ValueError(f"{path}.weight: expected at least one entry along each side, got {shape}.")
    if module.bias is not None and module.bias.shape != (outputs,):
        raise ValueError(f"{path}.bias: expected shape [{outputs}], got {list(module.bias.shape)}.")
    if isinstance(module, nn.Conv2d) and tuple(module.weight.shape[2:]) != tuple(module.kernel_size):
        raise ValueError(f"{path}.weight: expected kernels of {module.kernel_size}, got {shape}.")
    if isinstance(module, SelectedLinear) and module.weight.shape[1] != len(module.index):
        raise ValueError(f"{path}.weight: expected {len(module.index)} columns, got {module.weight.shape[1]}.")
