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
    # Near 0 a type has numbers as far apart as its smallest, which is much of a small value.
    least = smallest(value.dtype)
    spacing = torch.finfo(value.dtype).eps + least / value.detach().to(low.dtype).clamp(min=least)
    slack = 2 * spacing + 2 * torch.finfo(low.dtype).eps * torch.maximum(low.abs(), high.abs())
    inside = (value > 0) & (x >= low - slack) & (x <= high + slack)
    clamped = x - (x - x.clamp(low, high)).detach()
    return torch.where(inside, clamped, (low + high) / 2), inside, (value > 0) & (x >= high)


def smallest(dtype: torch.dtype) -> float:
    """The smallest number above 0 that a type has.

    >>> smallest(torch.float16)
    5.960464477539063e-08
    """
    return torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps


def exp_within(x: Tensor, dtype: torch.dtype) -> Tensor:
    """e^x in a type, at least the smallest number above 0 that it has: 0 is in no support.

    >>> exp_within(torch.tensor([-20.0, 0.0]), torch.float16).tolist()
    [5.960464477539063e-08, 1.0]
    """
    value = torch.exp(x).to(dtype)
    return torch.where(value == 0, torch.full_like(value, smallest(dtype)), value)


def check_floating(value: Tensor) -> None:
    """Raises ValueError for what is no tensor, and for whole numbers, of which nearly none lies in the support."""
    if not isinstance(value, Tensor):
        raise ValueError(f"value: expected a tensor, got {value!r:.60}; convert it with torch.as_tensor(value).")
    if not value.is_floating_point():
        raise ValueError(f"value: expected floating-point numbers, got {value.dtype}; convert it with value.float().")
