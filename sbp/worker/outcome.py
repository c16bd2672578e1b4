"""What a worker says at the end: which state an error leads to, and the sentence that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sbp.data.sources import DataError
from sbp.machine.devices import DeviceError
from sbp.machine.distributed import RankError
from sbp.runs.filenames import LOG
from sbp.runs.files import BadFile, is_full
from sbp.runs.states import Event
from sbp.spec import ConfigError
from sbp.training.errors import Diverged, OtherVersion

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


# What CUDA, cuBLAS, cuDNN, MPS and the CPU's allocator say when there is no memory left.
_NO_MEMORY = ("out of memory", "alloc_failed", "not enough memory", "can't allocate memory")


class StopAsked(Exception):
    """Somebody wants the run to end while there is nothing to save yet."""


class FolderGone(Exception):
    """The run's folder was deleted while it trained; nothing is written any more."""


def end_event(error: Exception) -> Event:
    """Diverge for a training that found NaN or infinity, fail for everything else."""
    return Event.DIVERGE if isinstance(error, Diverged) else Event.FAIL


def is_out_of_memory(error: Exception) -> bool:
    """Whether the device or the machine has no memory left; torch says so in several ways."""
    import torch  # seconds to load: only when it is needed

    said = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and any(words in said for words in _NO_MEMORY)
    )


def explain_error(error: Exception, batch: int = 0) -> str:
    """Our own errors are sentences already; of others, what happened and where to read more.

    Args:
        error: that ended the run.
        batch: its batch_size; 0 where it is not known.
    """
    if isinstance(error, (Diverged, ConfigError, DataError, DeviceError, BadFile, OtherVersion, RankError)):
        return str(error)
    if is_full(error):
        return "The disk is full. Free some space, then resume; everything up to the last checkpoint is kept."
    if is_out_of_memory(error):
        smaller = f"a batch_size of {batch // 2} instead of {batch}" if batch > 1 else "a smaller batch_size"
        return f"The device ran out of memory; try {smaller}, or another device. The last epoch is kept."
    if isinstance(error, RuntimeError) and "busy or unavailable" in str(error):
        return "The GPU is busy: another process has it for itself. Wait for that to end, or choose another device."
    first = (str(error).strip().splitlines() or [""])[0][:200]
    return f"An unexpected {type(error).__name__} ended the run{': ' if first else ''}{first} (see {LOG})."


def describe_result(result: Mapping[str, Any]) -> str:
    """The result as a sentence.

    >>> describe_result({"test_error_percent": 1.489, "macs_reduction": 11.04, "macs": 49365})
    '1.49 % test error at 11.0x fewer MACs (49,365).'
    """
    error, reduction, macs = (result.get(key) for key in ("test_error_percent", "macs_reduction", "macs"))
    if error is None:
        return "Trained to its last epoch."
    fewer = f"{reduction:.1f}x fewer MACs ({macs:,})" if reduction else f"{macs or 0:,} MACs: nothing is left"
    return f"{error:.2f} % test error at {fewer}."


def to_numpy(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Tensors of any device as NumPy arrays, which is what the torch-free store takes."""
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
