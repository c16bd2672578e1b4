"""Names to networks: the one place where a name becomes a module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sbp.networks.lenet import LeNet5Caffe, LeNet500300, NoisyNetwork
from sbp.networks.vgg import VGGLike
from sbp.spec import RunConfig

NETWORKS: dict[str, type[NoisyNetwork]] = {cls.spec_name: cls for cls in (LeNet500300, LeNet5Caffe, VGGLike)}


def build(name: str, widths: Sequence[int] = (), gates: bool = False, **noise_options: Any) -> NoisyNetwork:
    """Builds a network by name at the given widths (none: its own); noise_options go to every `SBPLayer`.

    gates: a `Gate` in the place of each, for what is trained without noise that units learn.

    Raises ValueError for a name that is not there.

    >>> [layer.units for layer in build("lenet-500-300").noise_layers()]
    [784, 500, 300]
    """
    if name not in NETWORKS:
        raise ValueError(f"Expected one of {', '.join(NETWORKS)}, got {name!r}.")
    return NETWORKS[name](widths, gates, **noise_options)


def build_for(config: RunConfig) -> NoisyNetwork:
    """The network that a run leaves behind: its name, its widths, its interval and where its noise is born.

    With an `SBPLayer` for every layer of units where the method learns their noise, else with a `Gate`.

    >>> build_for(RunConfig.flat(init_log_scale=-4)).noise_layers()[0].log_scale[0].item()
    -4.0
    >>> build_for(RunConfig.flat(method="ssl")).noise["dense1"]
    Gate(units=500, axis=1)
    """
    if not config.has_noise:
        return build(config.network.name, config.network.widths, gates=True)
    return build(
        config.network.name,
        config.network.widths,
        log_low=config.noise.log_low,
        log_high=config.noise.log_high,
        init_loc=config.noise.init_loc,
        init_log_scale=config.noise.init_log_scale,
    )
