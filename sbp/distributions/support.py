"""Where a value lies relative to the support [e^a, e^b]; shared by both distributions."""

from __future__ import annotations

import torch
from torch import Tensor


def log_inside(value: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log value, in the dtype of a and b; whether value is inside; whether it is at or above e^b.

    A value that is an end of the support but for its own rounding counts as inside, and its logarithm is the end.
    Outside, the logarithm is replaced by the middle of [a, b], so that no branch meets an infinity.

    >>> x, inside, above = log_inside(torch.tensor([0.0, 0.5, 2.0]), torch.tensor(-20.0), torch.tensor(0.0))
    >>> inside.tolist(), above.tolist()
    ([False, True, False], [False, False, True])
    """
    x = torch.log(torch.where(value > 0, value, 1).to(low.dtype))
    slack = 2 * torch.finfo(value.dtype).eps + 2 * torch.finfo(low.dtype).eps * torch.maximum(low.abs(), high.abs())
    inside = (value > 0) & (x >= low - slack) & (x <= high + slack)
    held = x - (x - x.clamp(low, high)).detach()
    return torch.where(inside, held, (low + high) / 2), inside, (value > 0) & (x >= high)
