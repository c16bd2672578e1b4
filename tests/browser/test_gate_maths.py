"""The gate's JavaScript against mpmath's vectors and against the printed formulas in SciPy, in a real Chromium."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser
from scipy.special import erf, erfcx

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "gate.json").read_text(encoding="utf-8"))
CASES = VECTORS["cases"]

Evaluate = Callable[[str, Any], Any]


@pytest.fixture(scope="module")
def evaluate(browser: Browser) -> Iterator[Evaluate]:
    """Runs `(m, data) => ...` with the module's exports in m, on an empty page."""
    page = browser.new_page()
    folder = ROOT / "pages" / "gate" / "js"

    def run(function: str, data: Any, module: str = "maths.js") -> Any:
        source = (folder / module).read_text(encoding="utf-8")
        return page.evaluate(
            f"""async ({{ source, data }}) => {{
              const url = URL.createObjectURL(new Blob([source], {{ type: 'text/javascript' }}));
              return ({function})(await import(url), data);
            }}""",
            {"source": source, "data": data},
        )

    yield run
    page.close()


def test_moments_entropies_and_kl_agree_with_mpmath_to_one_part_in_a_million(evaluate: Evaluate) -> None:
    names = {
        "mean": "mean",
        "sd": "sd",
        "snr": "snr",
        "kl": "kl",
        "entropyLog": "entropy_log",
        "entropy": "entropy",
        "logZ": "log_z",
    }
    got = evaluate("(m, cases) => cases.map((c) => ({ ...m.describe(c), logDensity: 0 }))", CASES)
    for case, gate in zip(CASES, got, strict=True):
        for mine, theirs in names.items():
            # Entropies and log Z pass through 0, where a relative error means nothing.
            floor = 1.0 if mine in ("entropyLog", "entropy", "logZ") else 0.0
            assert gate[mine] == pytest.approx(case[theirs], rel=1e-6, abs=1e-6 * floor), (mine, case)
        assert sum(gate["terms"].values()) == pytest.approx(gate["kl"], abs=1e-9 * (1 + abs(gate["logZ"])))


def test_the_maps_coarse_rule_is_right_to_a_thousandth(evaluate: Evaluate) -> None:
    got = evaluate(
        "(m, cases) => cases.map((c) => [m.meanAt, m.snrAt, m.klAt].map((f) => f(c.mu, c.sigma, c.a, c.b)))", CASES
    )
    for case, values in zip(CASES, got, strict=True):
        assert values == pytest.approx([case["mean"], case["snr"], case["kl"]], rel=1e-3), case


def test_quantiles_agree_with_mpmath(evaluate: Evaluate) -> None:
    got = evaluate(
        """(m, d) => d.cases.map((c) => m.describe(c)).map((gate) =>
             ({ at: m.quantiles(gate, d.probabilities), on: gate.support }))""",
        VECTORS,
    )
    for case, gate in zip(CASES, got, strict=True):
        width = gate["on"][1] - gate["on"][0]
        assert gate["at"] == pytest.approx(case["quantiles_of_log"], rel=0, abs=1e-6 * width), case


def test_the_prior_crosses_one_at_a_length_of_3_83(evaluate: Evaluate) -> None:
    crossing, floor = evaluate("(m) => [m.CROSSING, m.prior(-20, 0).snr]", None)
    assert crossing == pytest.approx(3.83, abs=5e-3)
    assert floor == pytest.approx(1 / 3, abs=1e-3)


def printed(mu: float, sigma: float, a: float, b: float) -> dict[str, float]:
    """Eq. 17, 19, 20 and Appendices D and E in float64 with SciPy, letter by letter."""
    alpha, beta = (a - mu) / sigma, (b - mu) / sigma
    upper, lower = np.float64(beta), np.float64(alpha)
    cdf = lambda x: 0.5 * (1 + erf(x / math.sqrt(2)))  # noqa: E731
    pdf = lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)  # noqa: E731
    z = cdf(upper) - cdf(lower)
    first = cdf(sigma - lower) - cdf(sigma - upper)
    second = np.exp(np.float64(sigma) ** 2) * (cdf(2 * sigma - lower) - cdf(2 * sigma - upper))
    edge = (alpha * pdf(lower) - beta * pdf(upper)) / (2 * z)
    bracket = lambda k: (  # noqa: E731
        erfcx((k * sigma - upper) / math.sqrt(2)) * np.exp(k * (b - mu) - upper**2 / 2)
        - erfcx((k * sigma - lower) / math.sqrt(2)) * np.exp(k * (a - mu) - lower**2 / 2)
    )
    return {
        "eq20": np.exp(mu + sigma**2 / 2) / z * first,
        "meanE": np.exp(mu) / (2 * z) * bracket(1),
        "eq19": first / np.sqrt(z) / np.sqrt(second - first**2),
        "snrD": first / np.sqrt(z * second - first**2),
        "snrE": bracket(1) / np.sqrt(2 * z * bracket(2) - bracket(1)),
        "snrE2": bracket(1) / np.sqrt(2 * z * bracket(2) - bracket(1) ** 2),
        "eq17": math.log((b - a) / math.sqrt(2 * math.pi * math.e * sigma**2)) - np.log(z) - edge,
    }


JUDGE = """(m, cases) => cases.map((c) => Object.fromEntries(m.FORMULAS.map((f) =>
  [f.id, Object.keys(m.PRECISIONS).map((p) => m.judge(f, c, c.truth[f.quantity], p))])))"""


def judged(evaluate: Any, points: list[tuple[float, float, float, float]]) -> list[dict[str, Any]]:
    cases = [dict(zip(("mu", "sigma", "a", "b"), point, strict=True)) for point in points]
    truths = evaluate("(m, cases) => cases.map((c) => ({ ...m.describe(c), logDensity: 0 }))", cases)
    return evaluate(JUDGE, [{**c, "truth": t} for c, t in zip(cases, truths, strict=True)], "paper_formulas.js")


def test_the_printed_formulas_are_the_papers(evaluate: Evaluate) -> None:
    points = [(0.0, 1.0, -20.0, 0.0), (-0.5, 0.7, -3.0, 3.0), (-1.0, 2.5, -10.0, 2.0), (-2.0, 0.5, -20.0, 0.0)]
    for point, answers in zip(points, judged(evaluate, points), strict=True):
        with np.errstate(invalid="ignore"):
            expected = printed(*point)
        for name, value in expected.items():
            double = answers[name][1]
            assert double["value"] == pytest.approx(value, rel=1e-8, nan_ok=True), (point, name)


def test_where_the_printed_formulas_break(evaluate: Evaluate) -> None:
    initial = math.exp(-5)
    usual, below, above, flat = judged(
        evaluate,
        [(0.0, 1.0, -20.0, 0.0), (-0.1, initial, -20.0, 0.0), (0.1, initial, -20.0, 0.0), (0.0, 20.0, -20.0, 0.0)],
    )
    # At an ordinary point only the two misprints fail: eq. 19 says 1.17 where the SNR is 2.09.
    assert {name for name, answers in usual.items() if answers[0]["verdict"] != "right"} == {"eq19", "snrE"}
    assert usual["eq19"][1]["value"] == pytest.approx(1.17, abs=5e-3)
    assert usual["snrE"][1]["verdict"] == "nan"
    # A very precise unit: the erfcx form overflows in float32.
    assert below["meanE"][0]["verdict"] == below["snrE2"][0]["verdict"] == "nan"
    assert below["snrE2"][0]["why"] == "erfcx overflows"
    # mu 15 sigma above b: nothing is left of Z in either precision, so no formula works.
    assert all(answer["verdict"] in ("nan", "infinite") for answers in above.values() for answer in answers)
    # A nearly flat one: exp(sigma^2) overflows.
    assert flat["snrD"][0]["verdict"] == "nan"
    assert flat["snrD"][0]["why"] == "exp(sigma²) overflows"
