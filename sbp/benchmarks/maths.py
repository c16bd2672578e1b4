"""`bench math`: moments, sampler and KL as the pages and the training use them, beside the least they could cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sbp.benchmarks.synthetic_runs import half_trained
from sbp.benchmarks.timing import Line, Report, in_turns, line, report
from sbp.distributions import moments, native
from sbp.distributions.fast import kl_of_units, sample_theta

UNITS = (2000, 5248)  # LeNet-500-300 and its like; the VGG-like network
DRAWS = ((128, 1584), (500, 1584))  # examples and units of a step on LeNet-500-300
LOW, HIGH = -20.0, 0.0


def measure(threads: int = 0, rounds: int = 50, tell: Callable[[float], None] | None = None) -> Report:
    """Times everything in turns with this many threads; 0 leaves them to the machine."""
    if threads:
        torch.set_num_threads(threads)
    empty = report("math", ("torch", "numpy"), torch.get_num_threads())
    lines: list[Line] = []
    for done, units in enumerate(UNITS, 1):
        lines += _moments(units, rounds)
        if tell:
            tell(done / 4)
    for done, shape in enumerate(DRAWS, 3):
        lines += _draws(*shape, rounds)
        if tell:
            tell(done / 4)
    how = "compiled (sbp/distributions/native.c)" if native.library() else "in torch: no C compiler was found"
    return dataclasses.replace(empty, lines=tuple(lines), remarks=(f"Sampler and KL of a CPU step: {how}.",))


def _moments(units: int, rounds: int) -> list[Line]:
    loc, log_scale = half_trained(units)
    nodes = np.linspace(-3, 0, units * moments.NODES["float32"], dtype=np.float32)
    yardstick = f"np.exp of {moments.NODES['float32']} numbers a unit"
    times = in_turns(
        {
            yardstick: lambda: np.exp(nodes),
            "SNR": lambda: moments.snr(loc, log_scale, LOW, HIGH),
            "KL": lambda: moments.kl(loc, log_scale, LOW, HIGH),
            "E[theta]": lambda: moments.mean(loc, log_scale, LOW, HIGH),
        },
        rounds,
    )
    base = times.pop(yardstick)
    return [line(f"{name} of {units:,} units, NumPy", "ms", values, yardstick, base) for name, values in times.items()]


def _draws(examples: int, units: int, rounds: int) -> list[Line]:
    loc_values, log_scale = half_trained(units)
    born = torch.zeros(units).requires_grad_(), torch.full((units,), -5.0).exp().requires_grad_()
    trained = torch.tensor(loc_values).requires_grad_(), torch.tensor(log_scale).exp().requires_grad_()
    kept = torch.full((units,), HIGH + 3.0).requires_grad_(), torch.full((units,), 0.3).requires_grad_()
    low, high = torch.full((units,), LOW), torch.full((units,), HIGH)
    grad = torch.randn(examples, units)

    def plain() -> Any:
        loc, scale = born
        return torch.autograd.grad(torch.randn(examples, units) * scale + loc, (loc, scale), grad)

    def draw(noise: tuple[Tensor, Tensor]) -> Any:
        return torch.autograd.grad(sample_theta(*noise, low, high, examples), noise, grad)

    def kl() -> Any:
        return torch.autograd.grad(kl_of_units(*trained, low, high).sum(), trained)

    shape = f"[{examples}, {units:,}]"
    yardstick = f"torch.randn{shape} x scale + loc and its gradient"
    things: dict[str, Callable[[], Any]] = {
        yardstick: plain,
        f"theta and its gradient, {shape}, at initialisation": lambda: draw(born),
        f"theta and its gradient, {shape}, half trained": lambda: draw(trained),
        f"theta and its gradient, {shape}, all kept, mu 10 sigma above b": lambda: draw(kept),
    }
    if (examples, units) == DRAWS[0]:
        things[f"KL and its gradient, {units:,} units"] = kl
    times = in_turns(things, rounds)
    base = times.pop(yardstick)
    return [line(name, "ms", values, yardstick, base) for name, values in times.items()]
