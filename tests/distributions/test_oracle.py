"""The oracle against itself with twice the digits, against quadrature, and against numbers typed by hand."""

from __future__ import annotations

import mpmath as mp
import pytest

from tests.distributions import box
from tests.distributions.oracle import DIGITS, Truth, gradient


@pytest.mark.parametrize(("low", "high"), box.INTERVALS)
@pytest.mark.parametrize("log_scale", [-8.0, 5.0])
@pytest.mark.parametrize("loc", ["below", "above"])
def test_twice_the_digits_change_nothing(low: float, high: float, log_scale: float, loc: str) -> None:
    at = low - 5 if loc == "below" else high + 5

    def everything() -> list[mp.mpf]:
        truth = Truth(mp.mpf(at), mp.exp(log_scale), mp.mpf(low), mp.mpf(high))
        values = [getattr(truth, name)() for name in box.QUANTITIES]
        return [*values, *gradient(truth, Truth.variance), *gradient(truth, Truth.kl)]

    once = everything()
    with mp.workdps(2 * DIGITS):
        twice = everything()
        assert all(abs(x - y) <= abs(y) * mp.mpf(10) ** -20 for x, y in zip(once, twice, strict=True))


@pytest.mark.parametrize(
    ("loc", "scale", "low", "high"), [(0.0, 1.0, -20.0, 0.0), (1.5, 0.2, -3.0, 1.0), (-6.0, 40.0, -5.0, 0.0)]
)
def test_closed_forms_are_the_integrals(loc: float, scale: float, low: float, high: float) -> None:
    with mp.workdps(25):
        truth = Truth.of(loc, scale, low, high)
        breaks = [truth.a + (truth.b - truth.a) * i / 40 for i in range(41)]

        def integral(f: object) -> mp.mpf:
            return mp.quad(lambda x: f(x) * truth.density_log(x), breaks)  # type: ignore[operator]

        mean = integral(mp.exp)
        assert mp.almosteq(integral(lambda x: 1), 1, 1e-15)
        assert mp.almosteq(mean, truth.mean(), 1e-15)
        assert mp.almosteq(integral(lambda x: (mp.exp(x) - mean) ** 2), truth.variance(), 1e-15)
        assert mp.almosteq(integral(lambda x: -mp.log(truth.density_log(x))), truth.entropy_log(), 1e-15)
        assert mp.almosteq(integral(lambda x: x), truth.mean_log(), 1e-15)
        assert mp.almosteq(integral(lambda x: (x - truth.mean_log()) ** 2), truth.spread() ** 2, 1e-15)
        kl = integral(lambda x: mp.log(truth.density_log(x) * (truth.b - truth.a)))
        assert mp.almosteq(kl, truth.kl(), 1e-15)
        part = mp.quad(truth.density_log, [truth.a, (truth.a + truth.b) / 2])
        assert mp.almosteq(part, truth.cdf_log((truth.a + truth.b) / 2), 1e-15)
        assert mp.almosteq(truth.cdf_log(truth.quantile_log(0.3)), 0.3, 1e-15)


def test_golden_points() -> None:
    middle = Truth.of(0, 1, -20, 0)
    assert mp.nstr(middle.snr(), 8) == "2.092439"
    assert mp.nstr(middle.mean(), 7) == "0.5231566"
    precise = Truth(mp.mpf("-0.1"), mp.exp(-5), mp.mpf(-20), mp.mpf(0))
    assert mp.nstr(precise.mean(), 3) == "0.905"
    assert mp.nstr(precise.snr(), 4) == "148.4"
