"""LeNet-500-300, the dense network of the paper's section 5.3."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class LeNet500300(nn.Module):
    """784-500-300-10 with ReLU.

    Args:
        widths: neurons of the two hidden layers.

    forward: [examples, 1, 28, 28] or [examples, 784], intensities in [0, 1] -> logits [examples, 10].

    Reference: Neklyudov et al., NeurIPS 2017, section 5.3.
    """

    def __init__(self, widths: Sequence[int] = (500, 300)) -> None:
        super().__init__()
        first, second = widths
        self.dense1 = nn.Linear(784, first)
        self.dense2 = nn.Linear(first, second)
        self.output = nn.Linear(second, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [examples, 10]."""
        x = functional.relu(self.dense1(x.flatten(1)))
        return self.output(functional.relu(self.dense2(x)))
