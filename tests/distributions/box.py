"""Where the distributions must be accurate: mu in [a - 5, b + 5], log sigma in [-8, 5], any a < b."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sbp.distributions import TruncatedLogNormal
from sbp.spec.noise import LOC_MARGIN as MARGIN
from sbp.spec.noise import LOG_SCALE_RANGE as LOG_SCALE
from tests.distributions.oracle import Truth, gradient

INTERVALS = (
    (-20.0, 0.0),
    (-10.0, 2.0),
    (-3.0, 3.0),
    (-40.0, 0.0),
    (-5.0, 0.0),
    (-1.0, 0.5),
    (-200.0, 0.0),
    (-1e-3, 0.0),
)

RANDOM, SEED = 30, 20171105  # points an interval, besides its corners

# What each dtype promises, relative to the truth.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
# Below this a float32 has lost digits to underflow, and below 1e-45 it is 0: no formula can mend that.
SMALLEST = {torch.float64: 1e-300, torch.float32: 1.2e-38}

QUANTITIES = ("mean", "variance", "stddev", "snr", "entropy", "kl")


@dataclass(frozen=True)
class Points:
    """mu, sigma, a, b of each point, float64 [points] holding float32 numbers: both dtypes are asked the same."""

    loc: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def truths(self) -> list[Truth]:
        """The oracle at each point."""
        return [self.truth(i) for i in range(len(self.loc))]

    def truth(self, i: int) -> Truth:
        """The oracle at one point."""
        return Truth.of(*(float(x[i]) for x in (self.loc, self.scale, self.low, self.high)))

    def at(self, i: int) -> str:
        """Where a point is, for the message of a failure."""
        return f"mu {self.loc[i]}, log sigma {np.log(self.scale[i]):.4f}, a {self.low[i]}, b {self.high[i]}"

    def tensors(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """loc, scale, low, high; loc and scale ask for a gradient."""
        loc, scale, low, high = (torch.tensor(x, dtype=dtype) for x in (self.loc, self.scale, self.low, self.high))
        return loc.requires_grad_(), scale.requires_grad_(), low, high

    def distribution(self, dtype: torch.dtype) -> TruncatedLogNormal:
        """The library's distribution, one unit a point."""
        return TruncatedLogNormal(*self.tensors(dtype))


class Exact(NamedTuple):
    """True numbers rounded to float64, [points]."""

    value: np.ndarray
    by_loc: np.ndarray
    by_log_scale: np.ndarray


def points() -> Points:
    """Random points of the box, and its corners and edges, for each interval."""
    draw, rows = np.random.default_rng(SEED), []
    for low, high in INTERVALS:
        locs = draw.uniform(low - MARGIN, high + MARGIN, RANDOM)
        log_scales = draw.uniform(*LOG_SCALE, RANDOM)
        corners = product((low - MARGIN, low, (low + high) / 2, high, high + MARGIN), (-8.0, -4.0, 0.0, 5.0))
        for loc, log_scale in [*zip(locs, log_scales, strict=True), *corners]:
            rows.append((loc, np.exp(log_scale), low, high))
    return Points(*np.array(rows).astype(np.float32).astype(np.float64).T)


def exact(points: Points) -> dict[str, Exact]:
    """The oracle's QUANTITIES, with derivatives in mu and in log sigma."""
    columns: dict[str, list[tuple[float, ...]]] = {name: [] for name in QUANTITIES}
    for truth in points.truths():
        for name in QUANTITIES:
            quantity = getattr(Truth, name)
            columns[name].append(tuple(map(float, (quantity(truth), *gradient(truth, quantity)))))
    return {name: Exact(*np.array(column).T) for name, column in columns.items()}


def compare(dtype: torch.dtype, points: Points, value: Tensor, loc: Tensor, scale: Tensor, true: Exact) -> None:
    """Holds a tensor [points] and its gradient to the truth.

    Each is right relative to the truth; a derivative relative to the larger of the two, since either may cross 0.
    What the dtype cannot hold, because it underflows, must be finite and as small.
    """
    by_loc, by_scale = torch.autograd.grad(value.sum(), (loc, scale))
    found = [x.detach().double().numpy() for x in (value, by_loc, by_scale)]
    found[2] = found[2] * points.scale
    assert all(np.isfinite(x).all() for x in found)
    steepest = np.maximum(np.abs(true.by_loc), np.abs(true.by_log_scale))
    sizes = (np.abs(true.value), steepest, steepest)
    for name, mine, theirs, size in zip(("value", "d/d mu", "d/d log sigma"), found, true, sizes, strict=True):
        holds = size > SMALLEST[dtype]
        error = np.abs(mine - theirs) / np.maximum(size, SMALLEST[dtype])
        worst = int(np.argmax(np.where(holds, error, 0)))
        message = f"{name} at {points.at(worst)}: {mine[worst]}, truth {theirs[worst]}"
        assert error[holds].max() < TOLERANCE[dtype], message
        assert np.abs(mine[~holds]).max(initial=0) <= 2 * SMALLEST[dtype]
