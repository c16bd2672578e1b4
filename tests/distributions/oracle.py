"""The truth about the truncated log-normal, in mpmath: textbook closed forms carried to many digits.

Independent of `sbp`: nothing here is rewritten for stability. Wherever the closed forms cancel, there are digits
to spare; `test_oracle.py` checks that twice as many digits, and plain quadrature, give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import mpmath as mp
from mpmath import mpf

# The worst cancellation in the box of the tests is some 35 digits (a gradient of a variance of 1e-16).
DIGITS = 100
STEP = mpf(10) ** -25  # of the central differences: an error of 1e-50 times the third derivative


def phi_between(p: mpf, q: mpf) -> mpf:
    """Phi(q) - Phi(p) for p < q, on whichever side of 0 the complementary error functions are small."""
    root = mp.sqrt(2)
    if p > 0:
        return (mp.erfc(p / root) - mp.erfc(q / root)) / 2
    if q < 0:
        return (mp.erfc(-q / root) - mp.erfc(-p / root)) / 2
    return (mp.erf(q / root) - mp.erf(p / root)) / 2


@dataclass(frozen=True)
class Truth:
    """theta with log theta ~ N(mu, sigma^2) on [a, b]; every argument is taken as the exact number it is."""

    mu: mpf
    sigma: mpf
    a: mpf
    b: mpf

    @staticmethod
    def of(mu: float, sigma: float, a: float, b: float) -> Truth:
        return Truth(mpf(mu), mpf(sigma), mpf(a), mpf(b))

    def power(self, k: int) -> mpf:
        """E[theta^k] Z = e^(k mu + k^2 sigma^2 / 2) (Phi(beta - k sigma) - Phi(alpha - k sigma))."""
        return _power(self, k, mp.mp.dps)

    def mean(self) -> mpf:
        return self.power(1) / self.power(0)

    def variance(self) -> mpf:
        return self.power(2) / self.power(0) - self.mean() ** 2

    def stddev(self) -> mpf:
        return mp.sqrt(self.variance())

    def snr(self) -> mpf:
        return self.mean() / self.stddev()

    def mean_log(self) -> mpf:
        """E[log theta] = mu + sigma (phi(alpha) - phi(beta)) / Z."""
        alpha, beta = (self.a - self.mu) / self.sigma, (self.b - self.mu) / self.sigma
        return self.mu + self.sigma * (mp.npdf(alpha) - mp.npdf(beta)) / self.power(0)

    def entropy_log(self) -> mpf:
        """H[log theta] = log(sqrt(2 pi e) sigma Z) + (alpha phi(alpha) - beta phi(beta)) / 2Z."""
        alpha, beta, z = (self.a - self.mu) / self.sigma, (self.b - self.mu) / self.sigma, self.power(0)
        ends = (alpha * mp.npdf(alpha) - beta * mp.npdf(beta)) / (2 * z)
        return mp.log(mp.sqrt(2 * mp.pi * mp.e) * self.sigma * z) + ends

    def entropy(self) -> mpf:
        return self.entropy_log() + self.mean_log()

    def kl(self, p_low: float | None = None, p_high: float | None = None) -> mpf:
        low, high = self.a if p_low is None else mpf(p_low), self.b if p_high is None else mpf(p_high)
        return mp.log(high - low) - self.entropy_log()

    def log_prob(self, theta: float) -> mpf:
        x = mp.log(theta)
        z = (x - self.mu) / self.sigma
        return -z * z / 2 - x - mp.log(self.sigma * mp.sqrt(2 * mp.pi) * self.power(0))

    def cdf_log(self, x: mpf) -> mpf:
        return phi_between((self.a - self.mu) / self.sigma, (x - self.mu) / self.sigma) / self.power(0)

    def cdf(self, theta: float) -> mpf:
        return self.cdf_log(mp.log(theta))

    def density_log(self, x: mpf) -> mpf:
        """The density of log theta at x."""
        return mp.npdf((x - self.mu) / self.sigma) / (self.sigma * self.power(0))

    def quantile_log(self, u: float) -> mpf:
        """The x with P(log theta <= x) = u: bisection down to a thousandth of the spread, then Newton's method."""
        low, high, u, close = self.a, self.b, mpf(u), self.spread() / 1000
        while high - low > close:
            middle = (low + high) / 2
            low, high = (middle, high) if self.cdf_log(middle) < u else (low, middle)
        x = (low + high) / 2
        for _ in range(6):
            x = min(max(self.nearer(x, u), low), high)
        return x

    def nearer(self, x: mpf, u: float) -> mpf:
        """One step of Newton's method from x towards the quantile of u."""
        return x - (self.cdf_log(x) - mpf(u)) / self.density_log(x)

    def spread(self) -> mpf:
        """The standard deviation of log theta."""
        alpha, beta, z = (self.a - self.mu) / self.sigma, (self.b - self.mu) / self.sigma, self.power(0)
        first = (mp.npdf(alpha) - mp.npdf(beta)) / z
        return self.sigma * mp.sqrt(1 + (alpha * mp.npdf(alpha) - beta * mp.npdf(beta)) / z - first**2)

    def mode(self) -> mpf:
        return mp.exp(min(max(self.mu - self.sigma**2, self.a), self.b))

    def quantile_gradient(self, x: mpf) -> tuple[mpf, mpf]:
        """dx/dmu and dx/d log sigma of the quantile that is at x: -dF / f."""
        by_mu, by_log_sigma = gradient(self, lambda q: q.cdf_log(x))
        density = self.density_log(x)
        return -by_mu / density, -by_log_sigma / density


@lru_cache(maxsize=4096)
def _power(of: Truth, k: int, digits: int) -> mpf:
    """Every quantity and derivative asks for these; digits stands here because the answer depends on them."""
    alpha, beta = (of.a - of.mu) / of.sigma, (of.b - of.mu) / of.sigma
    lift = mp.exp(k * of.mu + k * k * of.sigma**2 / 2)
    return lift * phi_between(alpha - k * of.sigma, beta - k * of.sigma)


def gradient(at: Truth, quantity: Callable[[Truth], mpf]) -> tuple[mpf, mpf]:
    """The derivatives of a quantity in mu and in log sigma, by central differences with a step of 1e-25."""
    up, down = Truth(at.mu + STEP, at.sigma, at.a, at.b), Truth(at.mu - STEP, at.sigma, at.a, at.b)
    wide = Truth(at.mu, at.sigma * (1 + STEP), at.a, at.b)
    slim = Truth(at.mu, at.sigma * (1 - STEP), at.a, at.b)
    return (quantity(up) - quantity(down)) / (2 * STEP), (quantity(wide) - quantity(slim)) / (2 * STEP)
