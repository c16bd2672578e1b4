"""The paper's formulas with the numbers of one gate put in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr

from sbp.distributions import moments
from sbp.pruning.masks import is_kept


class Formula(NamedTuple):
    """What a formula is of, its equation in the paper, and the formula in LaTeX, the numbers behind it."""

    title: str
    equation: str
    latex: str


def formulas(loc: float, log_scale: float, low: float, high: float) -> tuple[Formula, ...]:
    """Every formula of a gate, in the order in which one needs the other.

    Args:
        loc, log_scale: mu and log sigma, in nats.
        low, high: a and b, in nats.

    >>> [formula.equation for formula in formulas(0.0, 0.0, -20.0, 0.0)]
    ['14', '17', '18', '20', '19, Appendix D', '14']
    """
    sigma = math.exp(log_scale)
    alpha, beta = (low - loc) / sigma, (high - loc) / sigma
    unit = loc, sigma, low, high
    kl = float(moments.kl_to_log_uniform(*map(np.float64, unit)))
    mean, snr = float(moments.mean(loc, log_scale, low, high)), float(moments.snr(loc, log_scale, low, high))
    # Phi(beta) - Phi(alpha), from the tail in which both are small.
    top, bottom = sorted((log_ndtr(beta), log_ndtr(alpha)) if alpha < 0 else (log_ndtr(-alpha), log_ndtr(-beta)))[::-1]
    log_mass = float(top + math.log1p(-math.exp(bottom - top)))
    with np.errstate(divide="ignore"):  # all mass may lie on one side
        middle = brentq(lambda x: float(moments.log_odds_of_log(np.float64(x), *map(np.float64, unit))), low, high)
    flat = moments.prior_snr(low, high)
    return (
        Formula(
            "The interval, counted in sigmas",
            "14",
            _lines(
                rf"\alpha = \frac{{a - \mu}}{{\sigma}} = {_tex(alpha)}, \quad "
                rf"\beta = \frac{{b - \mu}}{{\sigma}} = {_tex(beta)}",
                rf"\log Z = \log\bigl(\Phi(\beta) - \Phi(\alpha)\bigr) = {_tex(log_mass)}",
            ),
        ),
        Formula(
            "What the noise costs",
            "17",
            _lines(
                r"\mathrm{KL}(q \,\|\, p) = \log\frac{b - a}{\sqrt{2\pi e}\,\sigma} - \log Z",
                rf"- \, \frac{{\alpha\phi(\alpha) - \beta\phi(\beta)}}{{2Z}} = {_tex(kl)}\ \text{{nats}}",
            ),
        ),
        Formula(
            "A draw, from u uniform on 0 to 1",
            "18",
            _lines(
                r"\theta = \exp\bigl(\mu + \sigma\,\Phi^{-1}(\Phi(\alpha) + Z u)\bigr)",
                rf"\theta(u = \tfrac12) = {_tex(math.exp(middle))}",
            ),
        ),
        Formula(
            "What a unit is multiplied by at test time",
            "20",
            _lines(
                r"\mathbb{E}\,\theta = \frac{e^{\mu + \sigma^2/2}}{Z}"
                r"\bigl[\Phi(\sigma - \alpha) - \Phi(\sigma - \beta)\bigr]",
                rf"= {_tex(mean)}",
            ),
        ),
        Formula(
            "Whether the unit is kept",
            "19, Appendix D",
            _lines(
                r"\mathrm{SNR} = \frac{\mathbb{E}\,\theta}{\sqrt{\mathrm{Var}\,\theta}} = "
                rf"\frac{{{_tex(mean)}}}{{{_tex(mean / snr)}}}",
                rf"= {_tex(snr)} {_verdict(snr)}",
            ),
        ),
        Formula(
            "What a unit has that knows nothing: the prior’s own SNR",
            "14",
            _lines(
                rf"\sigma \to \infty: \quad \mathrm{{SNR}} \to {_tex(flat)}",
                rf"\text{{by the length }} b - a = {_tex(high - low)} \text{{ alone}}",
            ),
        ),
    )


def printed_snr(loc: float, log_scale: float, low: float, high: float) -> float:
    """Equation 19 as it is printed, (N / sqrt Z) / sqrt(e^(sigma²) M - N²): wrong; NaN where it does not exist.

    >>> round(printed_snr(0.0, 0.0, -20.0, 0.0), 2)
    1.17
    """
    sigma = math.exp(log_scale)
    alpha, beta = (low - loc) / sigma, (high - loc) / sigma
    first, second = (float(ndtr(k * sigma - alpha) - ndtr(k * sigma - beta)) for k in (1, 2))
    mass = float(ndtr(beta) - ndtr(alpha))
    with np.errstate(all="ignore"):
        under = float(np.exp(np.float64(sigma) ** 2)) * second - first**2
    return first / math.sqrt(mass) / math.sqrt(under) if mass > 0 and 0 < under < math.inf else math.nan


def describe(loc: float, log_scale: float, low: float, high: float) -> str:
    """What equation 19 as printed says of this gate, in a sentence."""
    snr, printed = float(moments.snr(loc, log_scale, low, high)), printed_snr(loc, log_scale, low, high)
    if math.isnan(printed):
        return f"Equation 19 as printed has no value here; the SNR is {snr:.4g}."
    return f"Equation 19 as printed says {printed:.4g} here; the SNR is {snr:.4g}."


def _lines(*parts: str) -> str:
    """Below each other, so that a telephone shows all of them."""
    return r"\begin{gathered} " + r" \\[2pt] ".join(parts) + r" \end{gathered}"


def _verdict(snr: float) -> str:
    return r"\ge 1: \text{ kept}" if is_kept(snr) else r"< 1: \text{ pruned}"


def _tex(value: float) -> str:
    """Four digits, a power of ten where it is far from 1."""
    text = f"{value + 0.0:.4g}"  # no minus zero
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return rf"{digits} \cdot 10^{{{int(power)}}}"
