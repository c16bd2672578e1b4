"""Training without learned noise: weight decay alone, and the two classic kinds of dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from sbp.methods.base import Method
from sbp.noise.install import noise_of
from sbp.noise.unit_mask import UnitMask
from sbp.spec import DropoutConfig


def binary_(empty: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Fills a tensor with m / (1 - p), m ~ Bernoulli(1 - p), in place, so that a CUDA graph can hold the draw."""
    return empty.bernoulli_(1 - p, generator=generator).div_(1 - p)


def for_neurons(mask: UnitMask, examples: int, noise_: Callable[[Tensor], Tensor]) -> Tensor:
    """A multiplier for every example and unit, [examples, units]: what `noise_` fills in for each hidden dense neuron,
    1 for all other units."""
    like = mask.eval_factor
    parts = []
    for group in mask.groups:
        empty = like.new_empty(examples, group.units)
        parts.append(noise_(empty) if group.kind == "neuron" else empty.fill_(1))
    return torch.cat(parts, 1)


def dropping(
    network: nn.Module, examples: int, p: float, generator: torch.Generator
) -> AbstractContextManager[UnitMask | None]:
    """Within it a forward pass of so many examples drops hidden dense neurons as `BinaryDropout` does, whatever the
    network's noise is; with p = 0 nothing happens."""
    if not p:
        return nullcontext()
    mask = noise_of(network)
    return mask.using(theta=for_neurons(mask, examples, lambda empty: binary_(empty, p, generator)))


class Original(Method):
    """The network as it is: an L2 penalty on the weights, no noise, and every unit kept.

    >>> from sbp.spec import NetworkConfig, NoiseConfig
    >>> from sbp.spec.method import OriginalConfig
    >>> method = Original(OriginalConfig(), NetworkConfig(widths=(4, 3)), NoiseConfig())
    >>> {name: int(keep.sum()) for name, keep in method.masks(method.build()).items()}
    {'input': 784, 'dense1': 4, 'dense2': 3}
    """


class BinaryDropout(Original):
    """y = x * m / (1 - p), m ~ Bernoulli(1 - p): each hidden dense neuron of each example is dropped with probability
    p = `settings.dropout`, and what stays is scaled up, so that the mean is x and eval needs no factor.

    Reference: Srivastava et al., Dropout, JMLR 2014. The pixels, the channels and the features that enter the dense
    part are not dropped.
    """

    settings: DropoutConfig

    def sample_noise_(self, network: nn.Module, examples: int, generator: torch.Generator) -> None:
        """A multiplier for every example and hidden dense neuron, 1 for all other units."""
        mask = noise_of(network)
        mask.set_next(for_neurons(mask, examples, lambda empty: self.noise_(empty, generator)))

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place."""
        return binary_(empty, self.settings.dropout, generator)


class GaussianDropout(BinaryDropout):
    """y = x * theta, theta ~ N(1, p / (1 - p)): as much noise as binary dropout's, with the same mean and variance.

    Reference: Srivastava et al., Dropout, JMLR 2014, section 10.
    """

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place, so that a CUDA graph can hold the draw."""
        p = self.settings.dropout
        return empty.normal_(1, math.sqrt(p / (1 - p)), generator=generator)
