"""Whether the arrays of a model.safetensors are those of a network, as its description says. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from sbp.spec.description import Description, WeightLayer
from sbp.spec.ranges import NOISE, is_noise

NOISE_PARTS = ("loc", "log_scale")


def check_fit(description: Description, arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Raises ValueError, naming the array, unless each weight and the noise of each group has the size it should have.

    Args:
        description: of the network.
        arrays: by name, as `sbp.networks.tensors.file_tensors` names them.
        where: they come from, the beginning of the sentence.
    """
    units = {group.name: group.units for group in description.groups}
    expected = {f"{layer.name}.weight": weight_size(layer, units) for layer in description.weights}
    expected |= {f"noise.{name}.{part}": (count,) for name, count in units.items() for part in NOISE_PARTS}
    for name, shape in expected.items():
        found = arrays[name].shape if name in arrays else None
        if found is None or (*found[:2], *((prod(found[2:]),) if len(shape) > 2 else found[2:])) != shape:
            got = "nothing" if found is None else list(found)
            raise ValueError(f"{where}: expected {name} of {_said(shape)}, got {got}.")
        if arrays[name].dtype.kind != "f":
            raise ValueError(f"{where}: expected {name} in floating point, got {arrays[name].dtype}.")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{where}: expected finite numbers in {name}, got some that are not.")
    loc, log_scale = noise_arrays(description, arrays)
    if wild := [name for name in units if not is_noise(loc[name], log_scale[name])]:
        raise ValueError(f"{where}: expected {NOISE}, got others in {wild[0]}.")


def noise_arrays(
    description: Description, arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """mu and log sigma of every unit by group, from the arrays of a model.safetensors that fits."""
    loc, log_scale = ({g.name: arrays[f"noise.{g.name}.{part}"] for g in description.groups} for part in NOISE_PARTS)
    return loc, log_scale


def weight_size(layer: WeightLayer, units: Mapping[str, int]) -> tuple[int, ...]:
    """Outputs, inputs and, of a convolution, the numbers of one kernel."""
    size = (layer.outputs(units), layer.inputs(units))
    return (*size, layer.kernel) if layer.kind == "conv" else size


def _said(shape: tuple[int, ...]) -> str:
    return f"shape {[*shape[:2]]} and kernels of {shape[2]}" if len(shape) > 2 else f"shape {list(shape)}"
