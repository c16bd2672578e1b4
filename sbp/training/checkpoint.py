"""What a training needs to go on as if it had never stopped, as named tensors and plain values (nothing is pickled)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load, save
from torch import Tensor, nn

from sbp.machine.distributed import Ranks
from sbp.networks.tensors import file_tensors
from sbp.training.errors import OtherVersion
from sbp.training.stepper import Stepper


@dataclass(frozen=True)
class Checkpoint:
    """tensors: on the CPU, by name. state: plain values that JSON can hold; `epoch` is the last finished one."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


def broadcast_checkpoint(checkpoint: Checkpoint | None, ranks: Ranks) -> Checkpoint | None:
    """What rank 0 goes on from, on every rank: only its machine need have the run's folder."""
    if ranks.world == 1:
        return checkpoint
    state = ranks.broadcast_bytes(b"" if checkpoint is None else json.dumps(checkpoint.state).encode())
    tensors = ranks.broadcast_bytes(b"" if checkpoint is None else save(checkpoint.tensors))
    return Checkpoint(load(tensors), json.loads(state)) if state else None


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of what a file holds of a network, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in file_tensors(network).items()}


def pack(stepper: Stepper) -> dict[str, Tensor]:
    """Copies of the weights, of what the optimiser remembers of them, of their averages, of the teacher's weights and
    of the sums over the steps of an epoch."""
    tensors = {f"network.{name}": t.detach().cpu().clone() for name, t in stepper.network.state_dict().items()}
    for index, values in stepper.optimiser.memory().items():
        for name, value in values.items():
            tensors[f"optimiser.{index}.{name}"] = value.detach().cpu().clone()
    tensors |= {f"average.{index}": value.cpu().clone() for index, value in enumerate(stepper.average)}
    if stepper.teacher is not None:
        tensors |= {f"teacher.{name}": tensor.cpu().clone() for name, tensor in stepper.teacher.state_dict().items()}
        tensors["data_sum"] = stepper.data_sum.cpu().clone()
    return {**tensors, "nll_sum": stepper.nll_sum.cpu().clone()}


def load_weights(tensors: dict[str, Tensor], network: nn.Module, prefix: str = "network.") -> None:
    """Puts back the weights and buffers that `pack` copied; prefix: "network." or "teacher."."""
    given = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    missing, unknown = [], [name for name in given if name not in network.state_dict()]
    if not unknown:
        try:
            missing, unknown = network.load_state_dict(given, strict=False)
        except RuntimeError:  # of another shape
            unknown = list(given)
    # Which inputs a layer selects follows from which units were cut.
    if unknown or any(not name.endswith(".index") for name in missing):
        raise OtherVersion


def unpack(tensors: dict[str, Tensor], stepper: Stepper) -> None:
    """Puts back what `pack` copied; raises `OtherVersion` when it is of other parameters than the stepper's."""
    load_weights(tensors, stepper.network)
    moved = [parameter.shape for parameter in stepper.optimiser.parameters]
    of_each = ("exp_avg", "momentum_buffer")
    shapes = {int(n.split(".")[1]): t.shape for n, t in tensors.items() if n.endswith(of_each)}
    if any(index >= len(moved) or moved[index] != shape for index, shape in shapes.items()):
        raise OtherVersion
    memory: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimiser."):
            _, index, field = name.split(".")
            memory.setdefault(int(index), {})[field] = tensor
    stepper.optimiser.remember(memory)
    for place, value in enumerate(stepper.average):
        value.copy_(tensors[f"average.{place}"])
    stepper.nll_sum.copy_(tensors["nll_sum"])
    if stepper.teacher is not None:
        load_weights(tensors, stepper.teacher, "teacher.")
        stepper.data_sum.copy_(tensors["data_sum"])
