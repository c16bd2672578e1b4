"""A trained network packed so that a browser can compute it: weights, E[theta] and masks in one safetensors file.

The browser cuts and computes (pages/parts/pixels_component/net.js); what is kept is decided here, where the pages'
masks are. No torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sbp.distributions import moments
from sbp.networks.specs import SPECS
from sbp.networks.wiring import WIRING
from sbp.pruning.masks import close_masks, keep_masks
from sbp.spec import RunConfig


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a model.safetensors by name; raises ValueError with a sentence when it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Train the run again to have its weights.") from None


def pack(config: RunConfig, weights: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a network: what net.js computes it from.

    Arrays: LAYER.weight and LAYER.bias as trained, float32; for every noise layer NOISE.theta, its E[theta] float32,
    and NOISE.keep, 1 where SNR >= 1, closed (`close_masks`), uint8. Description: name, wiring, parents, kept counts.
    Raises ValueError naming what is missing or does not fit, and for a network that reads no images of 28 x 28.
    """
    spec = SPECS[config.network.name]
    if spec.image != (1, 28, 28):
        raise ValueError(f"{spec.title} is not computed in a browser, which draws images of 28 x 28 alone.")
    layers = spec.layers(config.network.widths)
    shapes = _shapes(config)
    for name, shape in shapes.items():
        found = weights[name].shape if name in weights else "nothing"
        if found != shape:
            raise ValueError(f"{name} of {spec.title}: expected weights of shape {shape}, got {found}.")
    arrays = {name: np.asarray(weights[name], np.float32) for name in shapes if not name.startswith("noise.")}
    theta, snr = {}, {}
    for layer in layers:
        loc, log_scale = (weights[f"noise.{layer.name}.{part}"] for part in ("loc", "log_scale"))
        theta[layer.name] = moments.mean(loc, log_scale, config.noise.log_low, config.noise.log_high)
        snr[layer.name] = moments.snr(loc, log_scale, config.noise.log_low, config.noise.log_high)
    masks = close_masks(keep_masks(snr), layers)
    for layer in layers:
        arrays[f"{layer.name}.theta"] = theta[layer.name].astype(np.float32)
        arrays[f"{layer.name}.keep"] = masks[layer.name].astype(np.uint8)
    return arrays, {
        "network": config.network.name,
        "wiring": [dataclasses.asdict(weight_layer) for weight_layer in WIRING[config.network.name]],
        "parents": {layer.name: layer.parent for layer in layers},
        "kept": [int(masks[layer.name].sum()) for layer in layers],
        "units": [layer.units for layer in layers],
    }


def _shapes(config: RunConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array that is needed."""
    layers = SPECS[config.network.name].layers(config.network.widths)
    units = {layer.name: layer.units for layer in layers}
    shapes: dict[str, tuple[int, ...]] = {}
    for weight_layer in WIRING[config.network.name]:
        inputs, outputs = weight_layer.inputs(units), weight_layer.outputs(units)
        kernel = (5, 5) if weight_layer.kind == "conv" else ()
        shapes[f"{weight_layer.name}.weight"] = (outputs, inputs, *kernel)
        shapes[f"{weight_layer.name}.bias"] = (outputs,)
    for layer in layers:
        shapes[f"noise.{layer.name}.loc"] = shapes[f"noise.{layer.name}.log_scale"] = (layer.units,)
    return shapes
