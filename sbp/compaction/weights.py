"""The network of a run from its model.safetensors: with the noise on it, before anything is cut."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sbp.compaction.load import LoadError, read_safetensors
from sbp.networks.describe import described
from sbp.networks.registry import build_for
from sbp.networks.tensors import file_tensors, load_file_tensors
from sbp.pruning.kept_weights import KEPT, unpack
from sbp.spec import RunConfig
from sbp.spec.description import Description


def network_of(config: RunConfig, model_path: str | Path | None) -> nn.Module:
    """The network that a run trained, at its last good epoch: in eval mode, on the CPU, its noise on.

    model_path: the run's `model.safetensors` (`RunView.model_path`); None says that there is none yet.
    Raises `LoadError` with a sentence when there are no weights, or not those of this config's network.
    """
    if model_path is None or not Path(model_path).is_file():
        if config.tracked:
            raise LoadError("A run of sbp.track has no weights: sbp.compact(model) is for the training loop itself.")
        raise LoadError("This run has no weights yet; they are saved with its first checkpoint and at its end.")
    tensors, _ = read_safetensors(model_path)
    network = build_for(config.network, config.noise if config.has_noise else None)
    if any(name.startswith(KEPT) for name in tensors):
        tensors = _unpacked(described(network), tensors, Path(model_path).name)
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in file_tensors(network).items()}
    given = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    if given != expected:
        wrong = sorted(name for name in expected.keys() | given if expected.get(name) != given.get(name))
        raise LoadError(
            f"{Path(model_path).name} does not hold the weights of {config.network.name} with widths "
            f"{list(described(network).widths)}: {', '.join(wrong[:3])} {'is' if len(wrong) == 1 else 'are'} missing, "
            "unknown or of another shape or type. Was config.json changed after the training?"
        )
    load_file_tensors(network, tensors)
    return network.eval()


def _unpacked(description: Description, tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    try:
        arrays = unpack(description, {key: tensor.numpy() for key, tensor in tensors.items()})
    except ValueError as error:
        raise LoadError(f"{name} cannot be used. {error}") from None
    return {key: torch.from_numpy(value) for key, value in arrays.items()}
