"""The paper's printed formulas, their slips, and the count of where each form is right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial

import mpmath as mp
import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from sbp.distributions import LogUniform, TruncatedLogNormal, accuracy, moments, printed_formulas
from tests.distributions import box
from tests.distributions.oracle import Truth


def at(loc: float, scale: float, low: float = -20.0, high: float = 0.0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mu, sigma, a, b = torch.tensor([loc, scale, low, high], dtype=torch.float64)
    return mu, sigma, a, b


def test_the_slips() -> None:
    """mu = 0, sigma = 1, a = -20, b = 0: the SNR is 2.0924390; eq. 19 as printed says 1.17, Appendix E is imaginary."""
    middle = at(0.0, 1.0)
    assert round(printed_formulas.snr_appendix_d(*middle).item(), 7) == 2.0924390
    assert round(printed_formulas.snr_appendix_e(*middle, mended=True).item(), 7) == 2.0924390
    assert round(TruncatedLogNormal(*middle).snr.item(), 7) == 2.0924390
    assert round(printed_formulas.snr_eq19(*middle).item(), 2) == 1.17
    assert math.isnan(printed_formulas.snr_appendix_e(*middle).item())


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (-1.0, 0.3), (-8.0, 2.0), (0.5, 0.5)])
def test_the_right_ones_are_right_where_nothing_underflows(loc: float, scale: float) -> None:
    point, truth = at(loc, scale), Truth.of(loc, scale, -20, 0)
    forms: dict[str, tuple[Callable[..., Tensor], ...]] = {
        "mean": (printed_formulas.mean_eq20, printed_formulas.mean_appendix_e),
        "kl": (printed_formulas.kl_eq17,),
        "snr": (
            printed_formulas.snr_appendix_d,
            partial(printed_formulas.snr_appendix_e, mended=True),
        ),
    }
    for name, formulas in forms.items():
        for formula in formulas:
            assert formula(*point).item() == pytest.approx(float(getattr(truth, name)()), rel=1e-6)
    u = torch.tensor([0.05, 0.5, 0.9], dtype=torch.float64)
    exact = [float(mp.exp(truth.quantile_log(x))) for x in u.tolist()]
    assert printed_formulas.sample_eq18(u, *point, clip=0.0).tolist() == pytest.approx(exact, rel=1e-6)


def test_a_very_precise_unit() -> None:
    """mu = -0.1, log sigma = -5: E = 0.905, SNR = 148.4; Appendix E in float32 is NaN. At mu = 0.1 all printed are."""
    point = at(-0.1, math.exp(-5))
    q = TruncatedLogNormal(*(x.float() for x in point))
    assert round(q.mean.item(), 3) == 0.905
    assert round(q.snr.item(), 1) == 148.4
    for formula in (printed_formulas.mean_appendix_e, printed_formulas.snr_appendix_e):
        assert math.isnan(formula(*(x.float() for x in point)).item())
    beyond = at(0.1, math.exp(-5))
    for formula in (
        printed_formulas.mean_eq20,
        printed_formulas.mean_appendix_e,
        printed_formulas.snr_appendix_d,
        printed_formulas.kl_eq17,
    ):
        assert not math.isfinite(formula(*beyond).item())
    q, truth = TruncatedLogNormal(*beyond), Truth.of(0.1, math.exp(-5), -20, 0)
    found = (q.mean.item(), q.snr.item(), kl_divergence(q, LogUniform(q.log_low, q.log_high)).item())
    assert found == pytest.approx([float(x) for x in (truth.mean(), truth.snr(), truth.kl())], rel=1e-9)


def test_prior_snr() -> None:
    assert [round(moments.prior_snr(-length), 3) for length in (5.0, 10.0, 20.0, 40.0)] == [0.807, 0.5, 0.333, 0.229]
    assert moments.prior_snr(-3.82) > 1 > moments.prior_snr(-3.84)


@pytest.fixture(scope="module")
def rows() -> list[accuracy.Row]:
    return accuracy.accuracy_table(points=200, seed=1)


def test_ours_is_right_everywhere_and_the_printed_ones_are_not(rows: list[accuracy.Row]) -> None:
    ours = [row for row in rows if row.formulas == "sbp.distributions"]
    assert {(row.dtype, row.tolerance) for row in ours} == {("float32", 1e-3), ("float64", 1e-3), ("float64", 1e-6)}
    assert {row.quantity for row in ours} == {"E[theta]", "SNR", "KL"}
    assert all(row.share == 1 for row in ours)
    printed = [row for row in rows if row not in ours]
    assert len(printed) == 3 * 3 * 2
    assert all(0.15 < row.share < 0.85 for row in printed)


def test_rows_repeat_with_their_seed(rows: list[accuracy.Row]) -> None:
    assert accuracy.accuracy_table(points=200, seed=1) == rows
    assert (accuracy.random_points(50, 1) != accuracy.random_points(50, 2)).any()


def test_its_truth_is_the_oracles(points: box.Points, exact: dict[str, box.Exact]) -> None:
    for i in range(0, len(points.loc), 7):
        found = accuracy.truth(points.loc[i], points.scale[i], points.low[i], points.high[i])
        wanted = [exact[name].value[i] for name in ("mean", "snr", "kl")]
        assert found == pytest.approx(wanted, rel=1e-12, abs=0)


def test_printed_as_a_table(rows: list[accuracy.Row], capsys: pytest.CaptureFixture[str]) -> None:
    text = accuracy.markdown(rows)
    assert "| sbp.distributions | 1e-3 | 100 % / 100 % | 100 % / 100 % | 100 % / 100 % |" in text
    assert "| sbp.distributions | 1e-6 | 100 % | 100 % | 100 % |" in text
    assert "200 random points, seed 1" in text
    assert f"torch {torch.__version__}" in text
    accuracy.main(["--points", "9", "--seed", "3", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert [accuracy.Row(**row) for row in found["rows"]] == accuracy.accuracy_table(9, 3)
    accuracy.main(["--points", "9"])
    assert capsys.readouterr().out.startswith("| formulas |")
