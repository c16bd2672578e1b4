"""A trained network packed so that a browser can compute it: weights, E[theta] and masks in one safetensors file.

The browser cuts and computes (pages/pixels/js/net.js); what is kept is decided here, where the pages'
masks are. No torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from sbp.distributions import moments
from sbp.pruning.masks import own_masks
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.fit import check_fit, noise_arrays
from sbp.spec.networks import description_of
from sbp.spec.seal import is_whole


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a model.safetensors by name; raises ValueError with a sentence when it cannot be read."""
    where = f"{path.name} in {path.parent}"
    try:
        content = path.read_bytes()
        if not is_whole(content):
            raise ValueError("it has changed since it was written, its SHA-256 is another")
        return dict(load(content))
    except (AttributeError, KeyError, TypeError):  # a type that NumPy does not have
        raise ValueError(f"{where}: expected float32, got bfloat16 or float8. Convert it to float32.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"{where} cannot be read: {error}. Train the run again to have its weights.") from None


def pack(config: RunConfig, weights: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a network: what net.js computes it from.

    Arrays: LAYER.weight and LAYER.bias as trained, float32; for every group GROUP.theta, its E[theta] float32, and
    GROUP.keep, 1 where SNR >= 1, closed (`propagate`), uint8. Description: name, image, wiring, parents, the group of
    pixels that multiply the image itself ("" for none), kept counts.

    Raises:
        ValueError: an array is missing or does not fit, or net.js does not compute such a network.
    """
    spec = description_of(config.network)
    if why := why_not(spec):
        raise ValueError(f"{spec.title} is not computed in a browser: {why}.")
    check_fit(spec, weights, f"The weights of {spec.title}")
    names = [f"{layer.name}.{part}" for layer in spec.weights for part in ("weight", "bias")]
    missing = [name for name in names if name not in weights]
    if missing:
        raise ValueError(f"{missing[0]} of {spec.title}: expected weights, got nothing.")
    arrays = {name: np.asarray(weights[name], np.float32) for name in names}
    loc, log_scale = noise_arrays(spec, weights)
    ends = config.noise.log_low, config.noise.log_high
    masks = own_masks(loc, log_scale, spec.groups, *ends)
    for group in spec.groups:
        theta = moments.mean(loc[group.name], log_scale[group.name], *ends)
        arrays[f"{group.name}.theta"] = theta.astype(np.float32)
        arrays[f"{group.name}.keep"] = masks[group.name].astype(np.uint8)
    return arrays, {
        "network": spec.name,
        "image": list(spec.image),
        "wiring": [dataclasses.asdict(layer) for layer in spec.weights],
        "parents": {group.name: group.parent for group in spec.groups},
        "pixels": spec.pixels_outside,
        "kept": [int(masks[group.name].sum()) for group in spec.groups],
        "units": [group.units for group in spec.groups],
    }


def why_not(description: Description) -> str:
    """Why net.js does not compute a network, as the end of a sentence; empty where it does: chains of convolutions with
    square kernels and of dense layers, without batch normalisation, on grey images."""
    layers = description.weights
    if not description.is_chain:
        return "its layers are no chain"
    if any(layer.norm for layer in layers):
        return "it normalises by batch"
    if description.image[0] != 1:
        return "it reads images in colour"
    if any(layer.kind == "conv" and round(layer.kernel**0.5) ** 2 != layer.kernel for layer in layers):
        return "its kernels are not square"
    return ""
