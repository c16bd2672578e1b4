"""How often each form of E[theta], SNR and KL is right: the paper's formulas and this library's, against mpmath.

`python -m sbp.distributions.accuracy --points 1500 --seed 0` prints the table of docs/measured.md.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal, printed_formulas
from sbp.spec.noise import LOC_MARGIN, LOG_SCALE_RANGE

# Where the points lie: mu from 5 below a to 5 above b, log sigma over the whole range that training allows.
INTERVALS = ((-20.0, 0.0), (-10.0, 2.0), (-3.0, 3.0))

QUANTITIES = ("E[theta]", "SNR", "KL")
Formula = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Row:
    """How many of the points one form of one quantity gets right, in one dtype and to one relative tolerance."""

    formulas: str
    quantity: str
    dtype: str
    tolerance: float
    right: int
    points: int
    seed: int

    @property
    def share(self) -> float:
        """right / points."""
        return self.right / self.points


def _ours(what: str) -> Formula:
    def value(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        q = TruncatedLogNormal(loc, scale, low, high)
        return kl_divergence(q, LogUniform(low, high)) if what == "KL" else getattr(q, what)

    return value


# Name -> formulas of QUANTITIES, and the tolerances they must meet.
FORMS: dict[str, tuple[tuple[Formula, Formula, Formula], tuple[float, ...]]] = {
    "eq. 20, eq. 19, eq. 17, as printed": (
        (printed_formulas.mean_eq20, printed_formulas.snr_eq19, printed_formulas.kl_eq17),
        (1e-3,),
    ),
    "eq. 20, Appendix D, eq. 17": (
        (printed_formulas.mean_eq20, printed_formulas.snr_appendix_d, printed_formulas.kl_eq17),
        (1e-3,),
    ),
    "Appendix E (square mended), eq. 17": (
        (
            printed_formulas.mean_appendix_e,
            partial(printed_formulas.snr_appendix_e, mended=True),
            printed_formulas.kl_eq17,
        ),
        (1e-3,),
    ),
    "sbp.distributions": ((_ours("mean"), _ours("snr"), _ours("KL")), (1e-3, 1e-6)),
}


def accuracy_table(points: int = 1500, seed: int = 0) -> list[Row]:
    """One row for each form, quantity, dtype and tolerance (1e-6 for float64 only), over `points` random points.

    The parameters are float32 numbers in either dtype, so that both are asked the same question. Right means: finite,
    and within the tolerance of the truth, relative to it.
    """
    at = random_points(points, seed)
    exact = np.array([truth(*point) for point in at.tolist()]).T
    rows = []
    for name, (formulas, tolerances) in FORMS.items():
        for quantity, formula, true in zip(QUANTITIES, formulas, exact, strict=True):
            for dtype in (torch.float32, torch.float64):
                value = formula(*torch.tensor(at, dtype=dtype).T).double().numpy()
                for tolerance in tolerances if dtype == torch.float64 else (1e-3,):
                    with np.errstate(invalid="ignore"):
                        right = int((np.abs(value - true) <= tolerance * np.abs(true)).sum())
                    rows.append(Row(name, quantity, str(dtype)[6:], tolerance, right, points, seed))
    return rows


def random_points(points: int, seed: int) -> np.ndarray:
    """mu, sigma, a, b of each point, float64 [points, 4] holding float32 numbers; the intervals take turns."""
    draw = np.random.default_rng(seed)
    low, high = np.array(INTERVALS)[np.arange(points) % len(INTERVALS)].T
    loc = draw.uniform(low - LOC_MARGIN, high + LOC_MARGIN)
    scale = np.exp(draw.uniform(*LOG_SCALE_RANGE, size=points))
    return np.stack([loc, scale, low, high], axis=1).astype(np.float32).astype(np.float64)


def truth(loc: float, scale: float, low: float, high: float, digits: int = 60) -> tuple[float, float, float]:
    """E[theta], SNR and KL at one point, by the closed forms in `digits` digits.

    >>> [round(x, 6) for x in truth(0.0, 1.0, -20.0, 0.0)]
    [0.523157, 2.092439, 2.269941]
    """
    with mp.workdps(digits):
        mu, sigma, a, b = (mp.mpf(x) for x in (loc, scale, low, high))
        alpha, beta = (a - mu) / sigma, (b - mu) / sigma

        def power(k: int) -> Any:  # E[theta^k] Z, from whichever side the tails are small
            p, q = (alpha - k * sigma) / mp.sqrt(2), (beta - k * sigma) / mp.sqrt(2)
            if p > 0:
                mass = mp.erfc(p) - mp.erfc(q)
            elif q < 0:
                mass = mp.erfc(-q) - mp.erfc(-p)
            else:
                mass = mp.erf(q) - mp.erf(p)
            return mp.exp(k * mu + k * k * sigma**2 / 2) * mass / 2

        z = power(0)
        mean, square = power(1) / z, power(2) / z
        entropy = mp.log(mp.sqrt(2 * mp.pi * mp.e) * sigma * z)
        entropy += (alpha * mp.npdf(alpha) - beta * mp.npdf(beta)) / (2 * z)
        return float(mean), float(mean / mp.sqrt(square - mean**2)), float(mp.log(b - a) - entropy)


def markdown(rows: Sequence[Row]) -> str:
    """The table, one line for each form and tolerance, a share for float32 / float64; and a line of what was asked."""
    lines = ["| formulas | right to | E[theta] f32 / f64 | SNR f32 / f64 | KL f32 / f64 |", "|---|---|---|---|---|"]
    for name, tolerance in dict.fromkeys((row.formulas, row.tolerance) for row in rows):
        cells = []
        for quantity in QUANTITIES:
            asked = (name, tolerance, quantity)
            of = {row.dtype: percent(row) for row in rows if (row.formulas, row.tolerance, row.quantity) == asked}
            cells.append(f"{of.get('float32', '')} / {of.get('float64', '')}".removeprefix(" / "))
        lines.append(f"| {name} | {tolerance:.0e} | {' | '.join(cells)} |".replace("e-0", "e-"))
    intervals = ", ".join(f"({a:g}, {b:g})" for a, b in INTERVALS)
    first = rows[0]
    lines += ["", f"{first.points} random points, seed {first.seed}: (a, b) in {intervals}, mu from a - 5 to b + 5,"]
    lines += [f"log sigma from -8 to 5. Truth: mpmath. {', '.join(f'{k} {v}' for k, v in versions().items())}."]
    return "\n".join(lines)


def percent(row: Row) -> str:
    """The share in per cent, rounded down, so that 100 % means every point."""
    return f"{100 * row.right // row.points} %"


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    libraries = {library.__name__: library.__version__ for library in (torch, np, mp)}
    return {"Python": platform.python_version(), **libraries}


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table, as Markdown or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m sbp.distributions.accuracy", description=__doc__)
    parser.add_argument("--points", type=int, default=1500, help="how many random points (default 1500)")
    parser.add_argument("--seed", type=int, default=0, help="of the random points (default 0)")
    parser.add_argument("--json", action="store_true", help="rows and versions as one JSON object")
    chosen = parser.parse_args(arguments)
    rows = accuracy_table(chosen.points, chosen.seed)
    if chosen.json:
        print(json.dumps({"rows": [asdict(row) for row in rows], "versions": versions()}))
    else:
        print(markdown(rows))


if __name__ == "__main__":
    main()
