"""What both distributions ask of their arguments, and where a value lies relative to the support [e^a, e^b]."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions.utils import broadcast_all


def floating(*numbers: Tensor | float) -> tuple[Tensor, ...]:
    """The numbers as tensors of one shape and one floating dtype, the widest among them.

    >>> [x.dtype for x in floating(torch.zeros(2), torch.tensor(1))]
    [torch.float32, torch.float32]
    """
    tensors = broadcast_all(*numbers)
    dtype = torch.get_default_dtype() if not any(x.is_floating_point() for x in tensors) else tensors[0].dtype
    for x in tensors:
        dtype = torch.promote_types(dtype, x.dtype)
    return tuple(x.to(dtype) for x in tensors)


def check_ends(low: Tensor, high: Tensor) -> None:
    """Raises ValueError unless a and b are finite and a < b everywhere; names the first pair that is not."""
    wrong = ~((low < high) & torch.isfinite(high - low))
    if bool(wrong.any()):
        first = f"{low[wrong][0].item():g} and {high[wrong][0].item():g}"
        raise ValueError(
            f"Expected finite log_low < log_high everywhere, got {first}; "
            "they are a and b, the ends of log theta (-20 and 0 in the paper)."
        )


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
