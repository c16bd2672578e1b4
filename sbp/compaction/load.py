"""Networks from files: a run's weights, and a compact network as it was exported.

The exported file is a safetensors file whose tensors are the compact network's `state_dict` (the indices of selected
inputs among them) and whose header says `network`; what else the header holds is for people.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from sbp.compaction.fitting import check_layers, check_neighbours
from sbp.networks.describe import described, is_described
from sbp.networks.registry import build_bare
from sbp.noise.input_scale import NAME as PIXELS
from sbp.noise.input_scale import scale_input
from sbp.noise.removal import sync_sizes
from sbp.noise.selected_linear import SelectedLinear, replace_module
from sbp.spec.seal import is_whole

# Files of before name a selection after what it selects; now it has the name of the layer that reads it.
BEFORE = {"noise.input.index": "dense1.index", "noise.features.index": "dense1.index"}


class LoadError(ValueError):
    """A file does not hold the network that was asked for; the message says what it should hold."""


def load_compact(path: str | Path, model: nn.Module | None = None) -> nn.Module:
    """The compact network in an exported safetensors file, in eval mode, on the CPU.

    Args:
        path: what `python -m sbp compact RUN` wrote, or the `state_dict` of `sbp.compact(model)`.
        model: the dense network that the compact one was cut from, for a network of one's own: it is changed into the
            compact one. None takes the network that the file's header names.

    Returns:
        The network, without noise; its outputs are those of the masked network that it was cut from.

    Raises:
        LoadError: the file is no safetensors file, does not say which network it holds, or holds tensors that do not
            fit it.

    >>> load_compact("nowhere.safetensors")
    Traceback (most recent call last):
    sbp.compaction.load.LoadError: There is no file nowhere.safetensors.
    """
    tensors, header = read_safetensors(path)
    name = Path(path).name
    if model is None and "network" not in header:
        raise LoadError(
            f"{name} does not say its network in its header; expected a file that python -m sbp compact RUN wrote, "
            "or the dense network as `model`."
        )
    if any(tensor_name.endswith((".loc", ".keep")) for tensor_name in tensors):
        raise LoadError(f"{name} holds a network before the cut; python -m sbp compact RUN cuts it to a compact one.")
    tensors = {BEFORE.get(tensor_name, tensor_name): tensor for tensor_name, tensor in tensors.items()}
    try:
        return fill(build_bare(header["network"]) if model is None else model, tensors)
    except ValueError as error:
        raise LoadError(f"{name} does not hold a compact network. {error}") from None


def fill(model: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """Puts the tensors of a compact network into a dense one of the same class, whatever their sizes, in place.

    Raises:
        ValueError: a tensor is missing, unknown, of another kind, or does not fit its neighbours.
    """
    for key, index in tensors.items():
        if key.endswith(".index"):
            _select(model, key.removesuffix(".index"), index)
    if f"{PIXELS}.factor" in tensors:
        scale_input(model, tensors[f"{PIXELS}.factor"])
    for path, norm in list(model.named_modules()):
        if isinstance(norm, nn.modules.batchnorm._BatchNorm) and f"{path}.running_mean" not in tensors:
            replace_module(model, path, nn.Identity())  # it is in the weights
    for key, tensor in tensors.items():
        path, _, leaf = key.rpartition(".")
        try:
            module = model.get_submodule(path)
        except AttributeError:
            module = nn.Identity()
        if leaf not in {**module._parameters, **module._buffers}:
            raise ValueError(f"The network has no place for {key}.")
        old = getattr(module, leaf)
        folded = leaf == "bias" and old is None and isinstance(module, nn.Linear | nn.Conv2d)
        if not folded and (old is None or old.dim() != tensor.dim() or old.dtype != tensor.dtype):
            kind = "nothing" if old is None else f"{old.dim()} dimensions of {old.dtype}"
            raise ValueError(f"{key}: expected {kind}, got {tensor.dim()} dimensions of {tensor.dtype}.")
        setattr(module, leaf, nn.Parameter(tensor) if folded or isinstance(old, nn.Parameter) else tensor)
    missing = sorted(set(model.state_dict()) - set(tensors))
    if missing:
        raise ValueError(f"The file lacks {', '.join(missing[:3])}.")
    check_layers(model)
    if is_described(model):
        check_neighbours(model, described(model))
    for module in model.modules():
        sync_sizes(module)
    return model.eval()


def _select(model: nn.Module, path: str, index: Tensor) -> None:
    try:
        linear = model.get_submodule(path)
    except AttributeError:
        linear = nn.Identity()
    if not isinstance(linear, nn.Linear):
        raise ValueError(f"The network has no dense layer {path} that could select its inputs.")
    places = index.tolist() if index.dim() == 1 and index.dtype == torch.int64 else [-1]
    if sorted(set(places)) != places or not all(0 <= place < linear.in_features for place in places):
        last = linear.in_features - 1
        raise ValueError(f"{path}.index: expected different places from 0 to {last} in rising order, int64 in one row.")
    replace_module(model, path, SelectedLinear.of(linear, index))


def read_safetensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file on the CPU, by name, and its header's texts; raises `LoadError`."""
    path = Path(path)
    if not path.is_file():
        raise LoadError(f"There is no file {path}.")
    try:
        if not is_whole(path.read_bytes()):
            raise LoadError(f"{path.name} has changed since it was written: its SHA-256 is another.")
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise LoadError(f"{path.name} cannot be read as a safetensors file ({error}).") from None
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise LoadError(f"{path.name} holds numbers that are not finite, in {name}; expected finite ones.")
    return tensors, header
