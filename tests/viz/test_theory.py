"""The formulas with numbers put in: against the library's moments, quadrature and the formula as printed."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from sbp.distributions import moments, printed_formulas
from sbp.viz import theory

GATES = [
    (0.0, 0.0, -20.0, 0.0),
    (-1.0, -5.0, -20.0, 0.0),
    (-25.0, 3.0, -20.0, 0.0),
    (0.3, -3.0, -20.0, 0.0),
    (5.0, -7.0, -20.0, 0.0),
    (-2.0, 1.0, -3.0, 3.0),
    (-20.0, -8.0, -20.0, 0.0),
]
NUMBER = r"(-?[\d.]+)(?: \\cdot 10\^\{(-?\d+)\})?"


def said(latex: str) -> list[float]:
    """What stands after each equals sign or arrow."""
    found = re.findall(r"(?:=|\\to) " + NUMBER, latex)
    return [float(digits) * 10 ** int(power or 0) for digits, power in found]


@pytest.mark.parametrize("gate", GATES)
def test_the_numbers_are_those_of_the_moments(gate: tuple[float, float, float, float]) -> None:
    loc, log_scale, low, high = gate
    unit = tuple(np.float64(value) for value in (loc, math.exp(log_scale), low, high))
    _, kl, draw, mean, snr, prior = theory.formulas(*gate)
    assert said(kl.latex) == [pytest.approx(float(moments.kl_to_log_uniform(*unit)), rel=1e-3, abs=1e-12)]
    assert said(mean.latex) == [pytest.approx(float(moments.mean(*gate)), rel=1e-3)]
    assert said(snr.latex)[-1] == pytest.approx(float(moments.snr(*gate)), rel=1e-3)
    assert ("kept" in snr.latex) == (float(moments.snr(*gate)) >= 1)
    assert said(prior.latex)[0] == pytest.approx(moments.prior_snr(low, high), rel=1e-3)
    middle = math.log(said(draw.latex)[-1])
    assert low - 1e-3 <= middle <= high + 1e-3


def test_the_median_and_the_mass_by_quadrature() -> None:
    loc, log_scale, low, high = -2.0, 1.0, -3.0, 3.0
    sigma = math.exp(log_scale)

    def density(x: float) -> float:
        return math.exp(-(((x - loc) / sigma) ** 2) / 2) / sigma / math.sqrt(2 * math.pi)

    mass = quad(density, low, high)[0]
    first, _, draw, *_ = theory.formulas(loc, log_scale, low, high)
    assert said(first.latex)[-1] == pytest.approx(math.log(mass), rel=1e-3)
    below = quad(density, low, math.log(said(draw.latex)[-1]))[0]
    assert below / mass == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("gate", GATES)
def test_equation_19_is_given_as_it_is_printed(gate: tuple[float, float, float, float]) -> None:
    loc, log_scale, low, high = gate
    tensors = (torch.tensor(value, dtype=torch.float64) for value in (loc, math.exp(log_scale), low, high))
    printed = float(printed_formulas.snr_eq19(*tensors))
    ours = theory.printed_snr(*gate)
    if math.isfinite(printed):
        assert ours == pytest.approx(printed, rel=1e-6)
        assert f"{printed:.4g}" in theory.describe(*gate)
    else:
        assert math.isnan(ours)
        assert "no value" in theory.describe(*gate)
