"""Writes gate.json: mpmath's values of the truncated log-normal, for the library and for the gate's JavaScript.

    python -m tests.vectors.make_gate

Nothing of the project is imported: closed forms (eq. 17, 20, Appendix D) at 80 digits, each difference of
normal probabilities taken in the tail where both are small; some points are checked by plain integration.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import mpmath as mp

TARGET = Path(__file__).with_name("gate.json")
INTERVALS = ((-20.0, 0.0), (-10.0, 2.0), (-3.0, 3.0), (-40.0, 5.0), (-3.0, 0.0), (-0.5, 0.0))
PROBABILITIES = (0.01, 0.5, 0.95)
RANDOM_POINTS = 14
DIGITS = 17

mp.mp.dps = 80


def between(low: Any, high: Any) -> Any:
    """P(low < N(0, 1) < high), mirrored so that the two probabilities subtracted are the small ones."""
    if low > 0:
        low, high = -high, -low
    return (mp.erfc(-high / mp.sqrt(2)) - mp.erfc(-low / mp.sqrt(2))) / 2


def truth(mu: float, sigma: float, a: float, b: float) -> dict[str, Any]:
    """Moments, entropies, KL, log Z and quantiles of log theta, as mpmath numbers."""
    m, s, low, high = (mp.mpf(x) for x in (mu, sigma, a, b))
    alpha, beta = (low - m) / s, (high - m) / s
    z = between(alpha, beta)
    first = mp.exp(m + s**2 / 2) * between(alpha - s, beta - s) / z
    second = mp.exp(2 * m + 2 * s**2) * between(alpha - 2 * s, beta - 2 * s) / z
    variance = second - first**2
    density = lambda x: mp.exp(-(x**2) / 2) / mp.sqrt(2 * mp.pi)  # noqa: E731
    edge = (alpha * density(alpha) - beta * density(beta)) / z
    entropy_log = mp.log(mp.sqrt(2 * mp.pi * mp.e) * s * z) + edge / 2
    mean_log = m + s * (density(alpha) - density(beta)) / z
    return {
        "mean": first,
        "sd": mp.sqrt(variance),
        "snr": first / mp.sqrt(variance),
        "kl": mp.log(high - low) - entropy_log,
        "entropy_log": entropy_log,
        "entropy": entropy_log + mean_log,
        "log_z": mp.log(z),
        "quantiles_of_log": [quantile(p, alpha, beta, z) * s + m for p in PROBABILITIES],
    }


def quantile(p: float, alpha: Any, beta: Any, z: Any) -> Any:
    """x with P(N < x | alpha < N < beta) = p, by bisection from the ends."""
    low, high = alpha, beta
    for _ in range(160):
        middle = (low + high) / 2
        low, high = (middle, high) if between(alpha, middle) < p * z else (low, middle)
    return low


def check_by_integration(mu: float, sigma: float, a: float, b: float, values: dict[str, Any]) -> None:
    """Stops with an AssertionError where the closed forms and plain quadrature differ."""
    m, s = mp.mpf(mu), mp.mpf(sigma)
    breaks = sorted({mp.mpf(a), mp.mpf(b), *(x for k in range(-8, 9) if a < (x := m + k * s) < b)})
    weight = lambda x: mp.exp(-(((x - m) / s) ** 2) / 2)  # noqa: E731
    mass, first, second = (mp.quad(lambda x, k=k: weight(x) * mp.exp(k * x), breaks) for k in range(3))
    snr = (first / mass) / mp.sqrt(second / mass - (first / mass) ** 2)
    cross = mp.quad(lambda x: weight(x) * (((x - m) / s) ** 2 / 2 + mp.log(mass)), breaks) / mass
    assert abs(first / mass / values["mean"] - 1) < 1e-15, (mu, sigma, a, b)
    assert abs(snr / values["snr"] - 1) < 1e-15, (mu, sigma, a, b)
    assert abs(cross - values["entropy_log"]) < 1e-15 * (1 + abs(cross)), (mu, sigma, a, b)


def points() -> list[tuple[float, float, float, float]]:
    """The corners and edges of the box of every interval, the page's presets, and random points between."""
    draw = random.Random(20170520)
    found = [(0.0, math.exp(-5), -20.0, 0.0), (0.0, 1.0, -20.0, 0.0), (-0.1, math.exp(-5), -20.0, 0.0)]
    found += [(0.1, math.exp(-5), -20.0, 0.0), (0.0, math.e, -20.0, 0.0), (-6.0, 20.0, -20.0, 0.0)]
    for a, b in INTERVALS:
        for mu in (a - 5, a, (a + b) / 2, b, b + 5):
            found += [(mu, math.exp(log_sigma), a, b) for log_sigma in (-8, -3, 0, 5)]
        for _ in range(RANDOM_POINTS):
            found.append((draw.uniform(a - 5, b + 5), math.exp(draw.uniform(-8, 5)), a, b))
    return found


def in_double(value: Any) -> Any:
    return [in_double(v) for v in value] if isinstance(value, list) else float(mp.nstr(value, DIGITS))


def main() -> None:
    cases = []
    for number, (mu, sigma, a, b) in enumerate(points()):
        values = truth(mu, sigma, a, b)
        if number % 9 == 0 and a < mu < b:
            check_by_integration(mu, sigma, a, b, values)
        plain = {name: in_double(value) for name, value in values.items()}
        cases.append({"mu": mu, "sigma": sigma, "a": a, "b": b, **plain})
    rows = ",\n".join(json.dumps(case) for case in cases)
    head = f'"probabilities": {json.dumps(PROBABILITIES)}, "cases": '
    TARGET.write_text(f"{{{head}[\n{rows}\n]}}\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(cases)} cases")


if __name__ == "__main__":
    main()
