"""Float64 throughout a network, also where it asks for float32 by name."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_NARROW = (torch.float32, torch.float16, torch.bfloat16)
_TO_COPY = torch.ops.aten._to_copy.default


class Float64Throughout(TorchDispatchMode):
    """Within it, a float64 tensor that is to become float32 or less stays as it is.

    Networks whose normalisation or softmax is always computed in float32 would else round at 1e-7 in the middle, and
    hide what is smaller.

    >>> x = torch.tensor([1 / 3], dtype=torch.float64)
    >>> with Float64Throughout():
    ...     x.float().dtype
    torch.float64
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs one operation."""
        kwargs = kwargs or {}
        if func is _TO_COPY and kwargs.get("dtype") in _NARROW and args[0].dtype == torch.float64:
            kwargs = {**kwargs, "dtype": torch.float64}
        return func(*args, **kwargs)
