"""How fast it really is: latency of the dense, the masked and the compact network on this very machine.

MACs are arithmetic and nothing more: a small network is bound by the cost of calling an operation and by the memory it
touches. So time is measured, on the networks as anybody would run them: eager, in inference mode, in float32.
"""

from __future__ import annotations

import copy
import dataclasses
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.benchmark import Timer

from sbp.compaction.compact import masked, masks_of
from sbp.compaction.folded import Folded
from sbp.machine import devices
from sbp.machine.memory import keep_freed_memory
from sbp.networks.describe import described

VARIANTS = ("dense", "masked", "compact")
BATCHES = (1, 32, 1000)


@dataclass(frozen=True)
class Row:
    """One variant at one batch size: seconds a forward pass, median and interquartile range of n timings.

    A timing is the mean of so many passes in a row that reading the clock does not count; of one at large batches.
    Of several processes the median and the interquartile range are the medians of theirs; between_seconds is the
    largest of their medians minus the smallest, None of one process.
    """

    variant: str
    batch: int
    median_seconds: float
    iqr_seconds: float
    n: int
    between_seconds: float | None = None

    @property
    def images_per_second(self) -> float:
        """Throughput at the median.

        >>> Row("dense", 32, 0.004, 0.0001, 50).images_per_second
        8000.0
        """
        return self.batch / self.median_seconds


@dataclass(frozen=True)
class Measurement:
    """What was measured, on what, when (seconds since 1970), and in how many processes."""

    device: str
    hardware: str
    threads: int
    versions: dict[str, str]
    when: float
    rows: tuple[Row, ...]
    processes: int = 1

    def row(self, variant: str, batch: int) -> Row:
        """The row of a variant at a batch size; raises KeyError where there is none."""
        found = next((row for row in self.rows if (row.variant, row.batch) == (variant, batch)), None)
        if found is None:
            raise KeyError(f"{variant} was not measured at batch {batch}.")
        return found

    def times_as_fast(self, variant: str, batch: int) -> float:
        """Median seconds of the dense network over this variant's."""
        return self.row("dense", batch).median_seconds / self.row(variant, batch).median_seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as speed.json holds them, each time with six digits."""
        rows = [{name: _six_digits(value) for name, value in dataclasses.asdict(row).items()} for row in self.rows]
        return {**dataclasses.asdict(self), "rows": rows}


def _six_digits(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def variants(network: nn.Module, masks: Mapping[str, np.ndarray] | None = None) -> dict[str, nn.Module]:
    """The three networks that are compared, each as fast as it can be had without effort.

    dense: no noise and every unit; E[theta] is folded into its weights, so it is what one would deploy without pruning.
    masked: the dense shapes with zeros, E[theta] * keep a factor of what is read. compact: the zeros cut out. masked
    and compact give the same logits.
    masks: as for `compact`; none: the network's own `keep`. Raises ValueError when they do not fit the network.
    """
    closed = masks_of(network) if masks is None else masks
    everything = {group.name: np.ones(group.units, bool) for group in described(network).groups}
    folded = Folded(network)
    return {"dense": folded.cut(everything), "masked": masked(network, closed), "compact": folded.cut(closed)}


@torch.inference_mode()
def measure(
    networks: Mapping[str, nn.Module],
    device: str = "cpu",
    threads: int = 0,
    batches: Sequence[int] = BATCHES,
    rounds: int = 15,
    seconds: float = 0.1,
    progress: Callable[[float], None] | None = None,
    image: tuple[int, int, int] = (1, 28, 28),
) -> Measurement:
    """Times a forward pass of each network, in inference mode, on random images already on the device.

    networks: by variant (`variants`); they are copied to the device. threads: of the CPU; 0: as many as torch uses by
    itself. At each batch size the networks take turns, `rounds` times for at least `seconds` each, so that a machine
    that slows down slows all of them. The clock waits for an accelerator to finish
    (torch.utils.benchmark). progress: told the share done, 0 to 1. image: channels, rows and columns that they read.
    Freed memory is kept for the next tensor from here on, as in training: handed back and faulted in again, it costs
    as much as half of a large batch (docs/performance.md).
    """
    keep_freed_memory()
    threads = threads or torch.get_num_threads()
    with torch.inference_mode(False):  # a mask made in inference mode is computed afresh at every pass
        copies = {variant: copy.deepcopy(network).eval().to(device) for variant, network in networks.items()}
    hardware = devices.cpu_name() if device == "cpu" else devices.describe(device)
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    when = time.time()
    rows: list[Row] = []
    for number, batch in enumerate(batches):
        images = torch.rand(batch, *image, generator=torch.Generator().manual_seed(0)).to(device)
        timers = {
            variant: Timer("network(images)", globals={"network": network, "images": images}, num_threads=threads)
            for variant, network in copies.items()
        }
        timings: dict[str, list[float]] = {variant: [] for variant in timers}
        for turn in range(rounds):
            for variant, timer in timers.items():
                # Each turn begins with untimed passes, which find the block's size and warm what the last variant
                # cooled.
                timings[variant] += timer.blocked_autorange(min_run_time=seconds).times
            if progress:
                progress((number + (turn + 1) / rounds) / len(batches))
        for variant, times in timings.items():
            low, median, high = (float(q) for q in np.quantile(times, (0.25, 0.5, 0.75)))
            rows.append(Row(variant, batch, median, high - low, len(times)))
    return Measurement(device, hardware, threads, versions, when, tuple(rows))
