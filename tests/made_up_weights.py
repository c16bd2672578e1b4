"""Weights for a run that never trained: random, with the noise of its last snapshot, as a worker saves them."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.numpy import save_file

from sbp.networks.plain import _shapes
from sbp.runs.store import RunView


def with_weights(run: Any, seed: int = 0) -> RunView:
    """The view of the same run with a model.safetensors in its folder."""
    random, shots = np.random.default_rng(seed), run.snapshots()
    arrays = {
        name: (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) or 1)).astype(np.float32)
        for name, shape in _shapes(run.config.network.name, run.layers).items()
    }
    for layer in run.layers:
        arrays[f"noise.{layer.name}.loc"] = np.ascontiguousarray(shots.loc[layer.name][-1])
        arrays[f"noise.{layer.name}.log_scale"] = np.ascontiguousarray(shots.log_scale[layer.name][-1])
    save_file(arrays, run.folder / "model.safetensors")
    return RunView(run.folder, run.recorded)
