"""LeNet-5-Caffe, the convolutional network of the paper's section 5.3."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class LeNet5Caffe(nn.Module):
    """conv 5x5 (20), pool, conv 5x5 (50), pool, dense 500, dense 10; ReLU after all but the last.

    Args:
        widths: channels of the two convolutions, neurons of the hidden dense layer.

    forward: [examples, 1, 28, 28], intensities in [0, 1] -> logits [examples, 10].

    Reference: Neklyudov et al., NeurIPS 2017, section 5.3.
    """

    def __init__(self, widths: Sequence[int] = (20, 50, 500)) -> None:
        super().__init__()
        first, second, dense = widths
        self.conv1 = nn.Conv2d(1, first, 5)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.dense1 = nn.Linear(second * 16, dense)
        self.output = nn.Linear(dense, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Logits [examples, 10]."""
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(self.dense1(x.flatten(1)))
        return self.output(x)
