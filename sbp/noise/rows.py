"""Which rows of a layer's input belong to which example: theta is drawn for each example, layers may see other rows."""

from __future__ import annotations

import torch
from torch import nn

from sbp.noise.inputs import Arguments, converted, first_tensor, watch


def repeated(arguments: Arguments, times: int) -> Arguments:
    """The same call with every example several times: all tensors that have one entry an example along axis 0.

    >>> import torch
    >>> repeated(((torch.zeros(2, 3),), {"mask": None}), 3)[0][0].shape
    torch.Size([6, 3])
    """
    examples = len(first_tensor(*arguments))
    return converted(arguments, lambda t: torch.cat([t] * times) if t.dim() and len(t) == examples else t)


def rows_per_example(model: nn.Module, arguments: Arguments, layers: list[str]) -> dict[str, int]:
    """Into how many rows of each layer's input the network splits one example: 1 as a rule, windows or tokens else.

    Counted on the example call and on the same with every example twice, since the axis that a layer has in front may
    be another that happens to be as long: of a sequence, say.

    Returns:
        By layer; 0 where it is no whole number, or changes from call to call or with the number of examples.
    """
    examples = len(first_tensor(*arguments))
    once = _rows(model, arguments, layers)
    try:
        twice = _rows(model, repeated(arguments, 2), layers)
    except Exception:  # it runs on this number of examples only, and so needs no other
        twice = {name: {2 * rows for rows in counts} for name, counts in once.items()}
    return {name: _whole(counts, twice[name], examples) for name, counts in once.items()}


def _whole(once: set[int], twice: set[int], examples: int) -> int:
    if len(once) != 1 or {2 * rows for rows in once} != twice:
        return 0
    rows, rest = divmod(next(iter(once)), examples)
    return 0 if rest else rows


def _rows(model: nn.Module, arguments: Arguments, layers: list[str]) -> dict[str, set[int]]:
    counts: dict[str, set[int]] = {name: set() for name in layers}
    watch(model, arguments, layers, lambda name, x, _: counts[name].add(len(x)))
    return counts
