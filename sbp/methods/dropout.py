"""Training without learned noise: weight decay alone, and the two classic kinds of dropout."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from sbp.methods.base import Method
from sbp.noise.install import noise_of
from sbp.spec import DropoutConfig


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
        like = mask.eval_factor
        parts = []
        for group in mask.groups:
            empty = like.new_empty(examples, group.units)
            parts.append(self.noise_(empty, generator) if group.kind == "neuron" else empty.fill_(1))
        mask.set_next(torch.cat(parts, 1))

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place, so that a CUDA graph can hold the draw."""
        stay = 1 - self.settings.dropout
        return empty.bernoulli_(stay, generator=generator).div_(stay)


class GaussianDropout(BinaryDropout):
    """y = x * theta, theta ~ N(1, p / (1 - p)): as much noise as binary dropout's, with the same mean and variance.

    Reference: Srivastava et al., Dropout, JMLR 2014, section 10.
    """

    def noise_(self, empty: Tensor, generator: torch.Generator) -> Tensor:
        """Fills a tensor with multipliers in place, so that a CUDA graph can hold the draw."""
        p = self.settings.dropout
        return empty.normal_(1, math.sqrt(p / (1 - p)), generator=generator)
