"""What a network is called with: one tensor, a tuple of arguments or a dict of keyword arguments; and what it gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def arguments_of(example_input: Any) -> Arguments:
    """Positional and keyword arguments of a call; raises ValueError where no tensor is among them.

    >>> import torch
    >>> arguments_of({"x": torch.zeros(2, 3)})[1]["x"].shape
    torch.Size([2, 3])
    """
    if isinstance(example_input, PackedSequence):
        raise ValueError(
            "example_input: a PackedSequence has no axis that counts the examples; give the padded tensor, and pack it "
            "inside the network."
        )
    if isinstance(example_input, Tensor):
        arguments: Arguments = (example_input,), {}
    elif isinstance(example_input, Mapping):
        arguments = (), dict(example_input)
    elif isinstance(example_input, tuple | list):
        arguments = tuple(example_input), {}
    else:
        arguments = (), {}
    try:
        first_tensor(*arguments)
    except ValueError:
        raise ValueError(
            "example_input: expected a tensor, a tuple of arguments or a dict of keyword arguments with a tensor among "
            f"them, got {type(example_input).__name__}."
        ) from None
    return arguments


def first_tensor(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """The first tensor among a call's arguments, by whose axis 0 the examples are counted; ValueError without one."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.dim():
            return value
    types = ", ".join(type(value).__name__ for value in args) or "nothing"
    raise ValueError(f"Expected a tensor among the network's arguments, whose axis 0 counts the examples, got {types}.")


def with_first(arguments: Arguments, first: Tensor, new: Tensor) -> Arguments:
    """The same call with another tensor in the place of its first."""
    return converted(arguments, lambda value: new if value is first else value)


def watch(
    model: nn.Module, arguments: Arguments, layers: Iterable[str], hear: Callable[[str, Tensor, Any], None]
) -> None:
    """Computes a call without gradients; `hear` is told name, input and output whenever one of the layers is called."""

    def hook_of(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if inputs and isinstance(inputs[0], Tensor):
                hear(name, inputs[0], output)

        return hook

    handles = [model.get_submodule(name).register_forward_hook(hook_of(name)) for name in layers]
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model(*arguments[0], **arguments[1])
    finally:
        for handle in handles:
            handle.remove()


def converted(arguments: Arguments, change: Callable[[Tensor], Tensor]) -> Arguments:
    """The same call with every tensor among its arguments changed."""
    args, kwargs = arguments
    return (
        tuple(change(value) if isinstance(value, Tensor) else value for value in args),
        {name: change(value) if isinstance(value, Tensor) else value for name, value in kwargs.items()},
    )


def float_outputs(output: Any) -> list[Tensor]:
    """Every floating-point tensor in what a network gives: a tensor, or tuples, lists and mappings of them.

    >>> import torch
    >>> [tensor.shape for tensor in float_outputs({"a": torch.zeros(1), "b": (torch.zeros(2), 3)})]
    [torch.Size([1]), torch.Size([2])]
    """
    return list(_floats(output))


def _floats(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
    elif isinstance(output, Mapping):  # the outputs of transformers' networks are mappings as well
        for value in output.values():
            yield from _floats(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from _floats(value)
