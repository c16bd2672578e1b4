"""What a run's folder must say of a network and a loop that are not ours: the description, the config, meta.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sbp.machine.devices import describe
from sbp.machine.distributed import Ranks
from sbp.networks.describe import describe_module
from sbp.noise.inputs import arguments_of, converted
from sbp.noise.install import joint_noise_of, parts_with_noise
from sbp.noise.joint_noise import JointNoise
from sbp.noise.layers import inputs_of, outputs_of
from sbp.noise.objective import unit_weights
from sbp.runs.configs import MOST_EPOCHS, MOST_UNITS
from sbp.runs.description_model import DESCRIPTION
from sbp.runs.incremental import MOST_ROWS
from sbp.runs.models import META
from sbp.runs.plain_files import LARGE
from sbp.spec import DEVICES, RunConfig
from sbp.spec.description import Description
from sbp.spec.networks import OWN
from sbp.spec.noise import SNR_THRESHOLD

RECORD_BYTES = 600  # of a record without its kept counts, at most
KLWeights = float | Sequence[float] | Mapping[str, float]


def network_of(model: nn.Module) -> tuple[nn.Module, JointNoise]:
    """The network that `sbp.attach` was called with, wherever it stands in a model, and its noise.

    Args:
        model: the network, or what wraps it: DistributedDataParallel, torch.compile, a LightningModule.

    Raises:
        ValueError: there is no network with noise in it, or pages would judge its units by another threshold or
            another interval than it does.
    """
    noise = joint_noise_of(model)
    if float(noise.threshold) != SNR_THRESHOLD or _only(noise.log_low) is None or _only(noise.log_high) is None:
        raise ValueError(
            f"model: expected noise with one interval [a, b] and a threshold of {SNR_THRESHOLD:g}, as the pages judge "
            "units; leave log_low, log_high and threshold of sbp.attach at one number each."
        )
    return parts_with_noise(model)[0], noise


def interval_of(noise: JointNoise) -> tuple[float, float]:
    """The interval [a, b] of all units, of which `network_of` has seen that it is one, to six digits."""
    low, high = (round(float(end.flatten()[0]), 6) for end in (noise.log_low, noise.log_high))
    return low, high


def description(network: nn.Module, noise: JointNoise, example_input: Any, title: str) -> Description:
    """The description of a network with noise, derived by one forward pass in eval mode.

    Raises:
        ValueError: a layer makes other outputs than one for each unit, or its names, or how many there are, are none
            that a run's folder may hold.
    """
    device, example = noise.loc.device, example_input
    if isinstance(example, Tensor):
        example = example.to(device)
    else:
        args, kwargs = converted(arguments_of(example), lambda value: value.to(device))
        example = kwargs or args
    with torch.compiler.set_stance("force_eager"):
        found = describe_module(network, example, OWN, title or type(network).__name__, layout=noise.layout)
    counts = {group.name: group.units for group in found.groups}
    for layer in found.weights:
        module = network.get_submodule(layer.name)
        inputs = 1 if layer.depthwise else inputs_of(module) // getattr(module, "groups", 1)
        if (layer.inputs(counts), layer.outputs(counts)) != (inputs, outputs_of(module)):
            raise ValueError(
                f"model: the inputs and outputs of {layer.name} are not as many for each unit, so its MACs do not "
                "follow from kept units; leave its group out of sbp.attach with exclude."
            )
    try:
        Description.from_dict(DESCRIPTION.parse(json.dumps(found.to_dict()).encode()))
    except ValueError as error:
        raise ValueError(f"model: its description cannot be a run's: {error}.") from None
    if sum(counts.values()) > MOST_UNITS:
        raise ValueError(
            f"model: expected at most {MOST_UNITS:,} units, as a run's folder may hold, got {sum(counts.values()):,}; "
            "leave groups out of sbp.attach with exclude."
        )
    return found


def most_epochs(found: Description) -> int:
    """How many epochs of this network a run's folder can hold, by what its readers take of records and of noise.

    >>> from sbp.spec.networks import SPECS
    >>> most_epochs(SPECS["lenet-500-300"]), most_epochs(SPECS["vgg-like"])
    (169412, 51144)
    """
    row = 4 * (1 + 2 * sum(group.units for group in found.groups))
    return min(MOST_EPOCHS, MOST_ROWS // row - 1, LARGE // (RECORD_BYTES + 17 * len(found.groups)))


def config_of(
    noise: JointNoise, epochs: int, optimiser: torch.optim.Optimizer, kl_weights: KLWeights, settings: Mapping[str, Any]
) -> RunConfig:
    """The config of a tracked run: what is known of the loop, and its settings; the rest stands at its defaults.

    Raises:
        ConfigError: a setting does not exist or is out of range.
        ValueError: the KL weights do not fit the groups, or the optimiser does not move the noise.
    """
    weights = group_weights(noise, kl_weights)
    lr, noise_lr = rates(optimiser, noise, "initial_lr")
    values: dict[str, Any] = {"epochs": epochs, "validation_size": 0, "lr": lr, "noise_lr": noise_lr}
    values["log_low"], values["log_high"] = interval_of(noise)
    values |= {"init_loc": _only(noise.loc), "init_log_scale": _only(noise.log_scale)}
    values["device"] = noise.loc.device.type if noise.loc.device.type in DEVICES else "auto"
    if set(weights) != {1.0}:
        values |= {"method": "sbpa", "kl_weights": weights}
    known = {name: value for name, value in values.items() if value is not None and (value or "lr" not in name)}
    return RunConfig.flat(**{**known, **settings, "network": OWN, "dataset": OWN})


def group_weights(noise: JointNoise, kl_weights: KLWeights) -> tuple[float, ...]:
    """One KL weight for each group, in their order; raises ValueError where they do not fit."""
    names = noise.layout.names
    if isinstance(kl_weights, int | float):
        return (float(kl_weights),) * len(names)
    unit_weights(noise, kl_weights)
    given = kl_weights if isinstance(kl_weights, Mapping) else dict(zip(names, kl_weights, strict=True))
    return tuple(float(given[name]) for name in names)


def rates(optimiser: torch.optim.Optimizer, noise: JointNoise, name: str = "lr") -> tuple[float, float]:
    """The learning rates of the weights and of the noise in an optimiser, at this moment or, by "initial_lr", at first.

    Raises:
        ValueError: the optimiser does not move mu and log sigma.

    >>> from sbp.noise import attach, parameter_groups
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> noise = attach(model, torch.zeros(1, 4))
    >>> rates(torch.optim.Adam(parameter_groups(model, lr=1e-3, noise_lr=0.1)), noise)
    (0.001, 0.1)
    """
    of_noise = [any(it is noise.loc for it in group["params"]) for group in optimiser.param_groups]
    if not any(of_noise):
        raise ValueError(
            "optimiser: expected one that moves mu and log sigma, as of sbp.parameter_groups(model, lr, noise_lr); "
            "this one has other parameters."
        )
    found = [float(group.get(name, group["lr"])) for group in optimiser.param_groups]
    own = of_noise.index(True)
    return next((lr for lr, moves in zip(found, of_noise, strict=True) if not moves), found[own]), found[own]


def meta_of(config: RunConfig, found: Description, device: torch.device, n_train: int, world: int) -> dict[str, Any]:
    """What meta.json says beside that: device and hardware, versions, how many examples, MACs before pruning.

    Raises:
        ValueError: a number is none that a reader of the file takes.
    """
    hardware = describe(device.type) if device.type in DEVICES else device.type
    meta = {
        "network": OWN,
        "device": device.type,
        "hardware": Ranks(world=world).times(hardware),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "n_train": n_train,
        "macs_dense": found.dense_macs(),
        "kl_weights": list(config.value("kl_weights") or (1.0,) * len(found.groups)),
    }
    META.parse(json.dumps(meta).encode())
    return meta


def _only(values: Tensor) -> float | None:
    """The number that all entries are, to six digits; None where they differ."""
    low, high = torch.aminmax(values.detach())
    return round(float(low), 6) if bool(low == high) else None
