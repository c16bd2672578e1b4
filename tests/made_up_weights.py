"""Weights for a run that never trained: random, with the noise of its last snapshot, as a worker saves them."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.numpy import save_file

from sbp.runs.store import RunView
from sbp.spec.description import Description
from sbp.spec.fit import weight_size
from sbp.spec.layout import Group
from sbp.spec.networks import description_of


def random_arrays(description: Description, seed: int = 0) -> dict[str, np.ndarray]:
    """Random weights of a network by name: biases where nothing normalises, else the normalisations' own."""
    random, units = np.random.default_rng(seed), {group.name: group.units for group in description.groups}
    arrays = {}
    for layer in description.weights:
        outputs, inputs, *kernel = weight_size(layer, units)
        side = [round(number**0.5) for number in kernel]
        shape = (outputs, inputs, *side, *side)
        arrays[f"{layer.name}.weight"] = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
        if layer.norm:
            arrays[f"{layer.norm}.weight"] = random.random(outputs) + 0.5
            arrays[f"{layer.norm}.bias"] = random.standard_normal(outputs) / 10
            arrays[f"{layer.norm}.running_mean"] = random.standard_normal(outputs) / 10
            arrays[f"{layer.norm}.running_var"] = random.random(outputs) + 0.5
        else:
            arrays[f"{layer.name}.bias"] = random.standard_normal(outputs) / 10
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def random_noise(groups: tuple[Group, ...], seed: int = 0) -> dict[str, np.ndarray]:
    """mu and log sigma of random units by name, some kept, some pruned."""
    random = np.random.default_rng(seed)
    return {
        f"noise.{group.name}.{part}": random.uniform(-3, 1, group.units).astype(np.float32)
        for group in groups
        for part in ("loc", "log_scale")
    }


def with_weights(run: Any, seed: int = 0) -> RunView:
    """The view of the same run with a model.safetensors in its folder."""
    shots, arrays = run.snapshots(), random_arrays(description_of(run.config.network), seed)
    for layer in run.layers:
        arrays[f"noise.{layer.name}.loc"] = np.ascontiguousarray(shots.loc[layer.name][-1])
        arrays[f"noise.{layer.name}.log_scale"] = np.ascontiguousarray(shots.log_scale[layer.name][-1])
    save_file(arrays, run.folder / "model.safetensors")
    return RunView(run.folder, run.recorded)
