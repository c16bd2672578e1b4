"""What training does at every step, in the parameters' own dtype and with written-out gradients.

All equal the plain forms in `truncated_log_normal` and `moments` (a test holds them together); they are apart because
a step draws theta for every example and unit, some 400,000 numbers, and every pass over those counts. In float32 on a
CPU with a C compiler they are single passes of compiled code (`native`), with draws of its own.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions import moments, native
from sbp.distributions.truncated_log_normal import sample_log_theta


def sample_theta(
    loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, examples: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draws theta of shape [examples, units] from loc and scale of shape [units]; low, high: a, b, scalars or [units].

    theta = exp(mu + sigma Phi^-1(Phi(alpha) + Z u)), u ~ U(0, 1) (eq. 18), without what fails in it: see `regimes`.
    Differentiable in loc and scale.

    >>> sample_theta(torch.zeros(3), torch.ones(3), torch.tensor(-20.0), torch.tensor(0.0), examples=5).shape
    torch.Size([5, 3])
    """
    if native.serves(loc, examples):
        seed = int(torch.randint(2**62, (), generator=generator))
        return native.sample_theta(loc, scale, low, high, examples, seed)
    return torch.exp(sample_log_theta(loc, scale, low, high, examples, generator))


def theta_and_kl(
    loc: Tensor, log_scale: Tensor, low: Tensor, high: Tensor, examples: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """`sample_theta` and `kl_of_units` of units [units] at once: theta [examples, units] and KL [units] in nats.

    Differentiable in loc and log_scale (mu and log sigma). On a CUDA device with Triton, and in float32, both come of
    the kernels in `fused`.

    >>> theta, kl = theta_and_kl(torch.zeros(3), torch.zeros(3), torch.full((3,), -20.0), torch.zeros(3), examples=5)
    >>> theta.shape, kl
    (torch.Size([5, 3]), tensor([2.2699, 2.2699, 2.2699]))
    """
    if _fused(loc):
        from sbp.distributions import fused  # needs Triton, which is not everywhere

        return fused.noise(loc, log_scale, low, high, examples, generator)
    scale = log_scale.exp()
    return sample_theta(loc, scale, low, high, examples, generator), kl_of_units(loc, scale, low, high)


def theta_alone(
    loc: Tensor, log_scale: Tensor, low: Tensor, high: Tensor, examples: int, generator: torch.Generator | None = None
) -> Tensor:
    """The theta that `theta_and_kl` draws, [examples, units], to the bit; without the KL where that saves anything.

    >>> like, seeded = (torch.zeros(3), torch.zeros(3), torch.full((3,), -20.0), torch.zeros(3)), torch.Generator
    >>> theta, _ = theta_and_kl(*like, 5, seeded().manual_seed(0))
    >>> torch.equal(theta_alone(*like, 5, seeded().manual_seed(0)), theta)
    True
    """
    if _fused(loc):  # one kernel of several: not worth another path
        return theta_and_kl(loc, log_scale, low, high, examples, generator)[0]
    return sample_theta(loc, log_scale.exp(), low, high, examples, generator)


def _fused(loc: Tensor) -> bool:
    return loc.is_cuda and loc.dtype == torch.float32 and has_triton()


@cache
def has_triton() -> bool:
    """Whether Triton is installed, as it is with torch for CUDA on Linux."""
    return importlib.util.find_spec("triton") is not None


def kl_of_units(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """KL(q || p) of each unit in nats, [units], for the sum in the objective; gradients right to relative rounding.

    Where q is nearly the prior the value carries an absolute rounding error of about 1e-6 in float32, which a sum does
    not feel; `moments.kl_to_log_uniform` is right to relative rounding there too.

    >>> low, high = torch.tensor([-20.0]), torch.tensor([0.0])
    >>> kl_of_units(torch.tensor([0.0]), torch.tensor([1.0]), low, high)
    tensor([2.2699])
    """
    return _KL.apply(loc, scale, low, high)


def _kl_and_gradient(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if torch.compiler.is_compiling():  # what is compiled cannot call compiled C
        return moments.kl_and_gradient(loc, scale, low, high)
    if _fused(loc) and loc.dim() == 1:
        from sbp.distributions import fused  # needs Triton, which is not everywhere

        return fused.kl_and_gradient(loc, scale, low, high)
    return (native if native.serves(loc, 0) else moments).kl_and_gradient(loc, scale, low, high)


class _KL(Function):
    @staticmethod
    def forward(ctx: Any, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        value, by_loc, by_scale = _kl_and_gradient(loc, scale, low, high)
        ctx.save_for_backward(by_loc, by_scale)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        by_loc, by_scale = ctx.saved_tensors
        return grads[0] * by_loc, grads[0] * by_scale, None, None
