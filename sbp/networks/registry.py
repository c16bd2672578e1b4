"""From a name to a network, with the noise or the masks that a run's method puts on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from sbp.networks.describe import DESCRIBED, example_of, layout_of, network_class
from sbp.noise.attach import attach, attach_mask
from sbp.spec import NetworkConfig, NoiseConfig
from sbp.spec.networks import NETWORKS, SPECS


def build(
    name: str, widths: Sequence[int] = (), *, noise: bool = True, pixels: bool = False, **options: Any
) -> nn.Module:
    """A network by name at the given widths (none: its own), with noise on its units.

    Args:
        name: one of `sbp.spec.networks.NETWORKS`.
        widths: channels and neurons of each hidden layer; empty: the network's own.
        noise: False puts masks there instead, for what is trained without noise that units learn.
        pixels: a unit for every pixel of the input too, where the network has none by itself.
        options: a, b, initial values and threshold, as `sbp.attach` takes them.

    Returns:
        The network, a plain `nn.Module` with one submodule `sbp_noise`.

    Raises:
        ValueError: there is no such network.

    >>> build("lenet-500-300").sbp_noise
    JointNoise(input: 784 pixels, dense1: 500 neurons, dense2: 300 neurons)
    """
    network = build_bare(name, widths, pixels)
    layout, example = layout_of(name, tuple(widths), pixels), example_of(NETWORKS[name])
    if noise:
        attach(network, example, layout=layout, **options)
    else:
        attach_mask(network, example, layout=layout)
    return network


def build_bare(name: str, widths: Sequence[int] = (), pixels: bool = False) -> nn.Module:
    """A network by name, which knows no noise; raises ValueError for a name that is not there.

    >>> build_bare("lenet-500-300", (4, 3)).output
    Linear(in_features=3, out_features=10, bias=True)
    """
    if name not in NETWORKS:
        raise ValueError(f"Expected one of {', '.join(NETWORKS)}, got {name!r}.")
    entry = NETWORKS[name]
    network = network_class(entry)(tuple(widths) or entry.widths)
    description = SPECS[name].at(widths)
    setattr(network, DESCRIBED, description.with_pixels() if pixels else description)
    return network


def build_for(network: NetworkConfig, noise: NoiseConfig | None = None) -> nn.Module:
    """The network that a run leaves behind, at initialisation.

    Args:
        network: its name, its widths, and whether its pixels are units.
        noise: the interval, mu and log sigma of every unit; None puts masks there, for a method that learns no noise.

    >>> build_for(NetworkConfig(), NoiseConfig(init_log_scale=-4)).sbp_noise.log_scale[0].item()
    -4.0
    >>> build_for(NetworkConfig()).sbp_noise
    UnitMask(input: 784 pixels, dense1: 500 neurons, dense2: 300 neurons)
    """
    options = {} if noise is None else noise.model_dump()
    return build(network.name, network.widths, noise=noise is not None, pixels=network.pixels, **options)
