"""The paper's formulas exactly as printed, for comparison only: nothing in the library computes with them.

All take mu, sigma, a and b as tensors of one dtype (any shapes that broadcast) and return a tensor of that dtype.
Notation: alpha = (a - mu)/sigma, beta = (b - mu)/sigma, Z = Phi(beta) - Phi(alpha). In floating point Z is 0 - 0 or
1 - 1 once the interval lies some 9 sigma (float64; 5.5 in float32) above the mode or 38 (14) below it, and everything
divides by it. `accuracy` counts where they are right.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def phi(x: Tensor) -> Tensor:
    """The density of the standard normal, exp(-x^2/2) / sqrt(2 pi) (Appendix A)."""
    return torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def cumulative(x: Tensor) -> Tensor:
    """Phi(x) = (1 + erf(x / sqrt 2)) / 2 (Appendix A)."""
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def kl_eq17(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """KL = log((b - a)/sqrt(2 pi e sigma^2)) - log Z - (alpha phi(alpha) - beta phi(beta)) / (2 Z) (eq. 17).

    No slip; but infinite or NaN where Z is 0, and noise where q is close to the prior, as 0.5 + log ... cancel.
    """
    alpha, beta, z = _standardised(loc, scale, low, high)
    ends = alpha * phi(alpha) - beta * phi(beta)
    return torch.log((high - low) / torch.sqrt(2 * math.pi * math.e * scale**2)) - torch.log(z) - ends / (2 * z)


def sample_eq18(uniform: Tensor, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, clip: float = 1e-5) -> Tensor:
    """theta = exp(mu + sigma Phi^-1(Phi(alpha) + Z y)), y ~ U(0, 1) (eq. 18), clipped as code in use clips it.

    Appendix B's slip: it draws y from U(a, b). The clip is not the paper's: it keeps the argument of Phi^-1 in
    [clip, 1 - clip] and the result in [a, b], which avoids infinities and returns one value without a gradient
    wherever the interval lies more than 4.3 sigma from the mode.

    >>> y, mu, sigma = torch.linspace(0.001, 0.999, 999), torch.tensor(0.05), torch.tensor(-5.0).exp()
    >>> len(sample_eq18(y, mu, sigma, torch.tensor(-20.0), torch.tensor(0.0)).unique())
    1
    """
    alpha, _, z = _standardised(loc, scale, low, high)
    probability = (cumulative(alpha) + z * uniform).clamp(clip, 1 - clip)
    x = loc + scale * torch.special.ndtri(probability)
    return torch.exp(torch.minimum(torch.maximum(x, low), high))


def snr_eq19(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """SNR = (N / sqrt Z) / sqrt(e^(sigma^2) M - N^2), N and M as in `snr_appendix_d` (eq. 19).

    The slip: with Z under a root in the numerator it also multiplies the N^2 below. Appendix D, from which eq. 19 is
    taken, has it right. The two agree where Z = 1.

    >>> at = torch.tensor([0.0, 1.0, -20.0, 0.0], dtype=torch.float64)
    >>> round(snr_eq19(*at).item(), 4)
    1.1717
    """
    _, _, z = _standardised(loc, scale, low, high)
    n, m = _numerators(loc, scale, low, high)
    return n / torch.sqrt(z) / torch.sqrt(torch.exp(scale**2) * m - n**2)


def snr_appendix_d(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """SNR = N / sqrt(Z e^(sigma^2) M - N^2),  N = Phi(sigma - alpha) - Phi(sigma - beta), M the same at 2 sigma.

    The last formula of Appendix D. No slip; but N, M and Z underflow together, e^(sigma^2) overflows from sigma = 9.4
    on in float32 (26.6 in float64), and the difference under the root has no digit left where sigma is small.

    >>> at = torch.tensor([0.0, 1.0, -20.0, 0.0], dtype=torch.float64)
    >>> round(snr_appendix_d(*at).item(), 7)
    2.092439
    """
    _, _, z = _standardised(loc, scale, low, high)
    n, m = _numerators(loc, scale, low, high)
    return n / torch.sqrt(z * torch.exp(scale**2) * m - n**2)


def mean_eq20(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """E[theta] = e^(mu + sigma^2/2) / Z (Phi((sigma^2 + mu - a)/sigma) - Phi((sigma^2 + mu - b)/sigma)) (eq. 20).

    No slip; 0 times infinity where sigma is large, 0 / 0 where Z is 0.
    """
    _, _, z = _standardised(loc, scale, low, high)
    part = cumulative((scale**2 + loc - low) / scale) - cumulative((scale**2 + loc - high) / scale)
    return torch.exp(loc + scale**2 / 2) / z * part


def mean_appendix_e(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """E[theta] = e^mu / (2 Z) B(1),  B(k) as in `snr_appendix_e` (Appendix E, "stable computation").

    No slip; erfcx of a large negative number overflows, and Z in front is as it was.
    """
    _, _, z = _standardised(loc, scale, low, high)
    return torch.exp(loc) / (2 * z) * _bracket(1, loc, scale, low, high)


def snr_appendix_e(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, mended: bool = False) -> Tensor:
    """SNR = B(1) / sqrt(D),  D = 2 Z B(2) - B(1) as printed, 2 Z B(2) - B(1)^2 mended (Appendix E).

    B(k) = erfcx((k sigma - beta)/sqrt 2) e^(k(b - mu) - beta^2/2)
         - erfcx((k sigma - alpha)/sqrt 2) e^(k(a - mu) - alpha^2/2).
    The slip: the last bracket of D is not squared. As printed, D < 0 at mu = 0, sigma = 1, a = -20, b = 0, so that the
    SNR is imaginary (NaN here).

    >>> at = torch.tensor([0.0, 1.0, -20.0, 0.0], dtype=torch.float64)
    >>> snr_appendix_e(*at).item(), round(snr_appendix_e(*at, mended=True).item(), 7)
    (nan, 2.092439)
    """
    _, _, z = _standardised(loc, scale, low, high)
    first, second = (_bracket(k, loc, scale, low, high) for k in (1, 2))
    return first / torch.sqrt(2 * z * second - (first**2 if mended else first))


def _standardised(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """alpha, beta, Z."""
    alpha, beta = (low - loc) / scale, (high - loc) / scale
    return alpha, beta, cumulative(beta) - cumulative(alpha)


def _numerators(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """N, M: Phi(k sigma - alpha) - Phi(k sigma - beta) for k = 1, 2."""
    alpha, beta, _ = _standardised(loc, scale, low, high)
    n, m = (cumulative(k * scale - alpha) - cumulative(k * scale - beta) for k in (1, 2))
    return n, m


def _bracket(k: int, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    alpha, beta, _ = _standardised(loc, scale, low, high)
    erfcx, root = torch.special.erfcx, math.sqrt(2)
    upper = erfcx((k * scale - beta) / root) * torch.exp(k * (high - loc) - beta**2 / 2)
    return upper - erfcx((k * scale - alpha) / root) * torch.exp(k * (low - loc) - alpha**2 / 2)
