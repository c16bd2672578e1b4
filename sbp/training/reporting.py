"""What is written once of a training: its parts and environment at the start, its figures at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sbp.data.datasets import Split
from sbp.distributions import native
from sbp.spec import MethodConfig, NetworkConfig, ScheduleConfig
from sbp.spec.kl_weights import kl_weights
from sbp.spec.networks import description_of
from sbp.spec.ranges import Phase
from sbp.spec.records import PHASES, Progress
from sbp.training.schedule import PhaseSchedule


def describe_run(
    network: NetworkConfig, method: MethodConfig, split: Split, device: str, hardware: str, source: str
) -> dict[str, Any]:
    """What a reader of a run must know beside its config: layers, sizes, hardware, versions; source: of the data."""
    return {
        **_sizes(network, method, split, device),
        "network": network.name,
        "layers": [group.to_dict() for group in description_of(network).groups],
        "hardware": hardware,
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "data_source": source,
        # Their draws differ, and with them a run's last digits.
        **({"noise_kernel": "C" if native.library() else "Python"} if method.has_noise and device == "cpu" else {}),
    }


def describe_progress(
    times: PhaseSchedule, phase: Phase, step: int, seconds: float, steps_to_prune: float | None, nll: float
) -> Progress:
    """Where a training stands after this many steps, which took so many seconds; steps_to_prune: until the first unit
    is pruned, None while that is not in sight."""
    pace, index = seconds / step, PHASES.index(phase)
    return Progress(
        phase=phase,
        epoch=step // times.steps_an_epoch + 1 - sum(times.epochs[:index]),
        epochs=times.epochs[index],
        step=step,
        steps=times.steps,
        seconds=seconds,
        seconds_left=pace * (times.steps - step),
        seconds_to_first_prune=None if steps_to_prune is None else pace * steps_to_prune,
        nll=nll,
    )


def summarise_result(
    network: NetworkConfig,
    method: MethodConfig,
    schedule: ScheduleConfig,
    split: Split,
    device: str,
    kept: Sequence[int],
    errors: Mapping[str, float | None],
    seconds: float,
) -> dict[str, Any]:
    """The figures of a finished run: errors in per cent by name, units kept in each noise layer, MACs, seconds."""
    macs, dense = description_of(network).macs(kept), description_of(network).dense_macs()
    return {
        **_sizes(network, method, split, device),
        "epochs": schedule.epochs,
        "finetune_epochs": schedule.finetune_epochs,
        **errors,
        "kept": list(kept),
        "macs": macs,
        # A network with nothing left in some layer costs nothing: its output is a constant.
        "macs_reduction": dense / macs if macs else None,
        "seconds": seconds,
    }


def _sizes(network: NetworkConfig, method: MethodConfig, split: Split, device: str) -> dict[str, Any]:
    return {
        "device": device,
        "n_train": split.n_train,
        "n_validation": split.n_validation,
        "n_test": len(split.test_y),
        "kl_weights": list(kl_weights(network, method)),
        "macs_dense": description_of(network).dense_macs(),
    }
