"""What stands for noise once training is over, kept ready for those who cannot compute it: compilers and exporters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from sbp.noise.state import Transient

E = TypeVar("E", bound="EvalFactor")


class Seen(Transient):
    """The tensors, with their versions, that something was made of; neither copied nor saved with a module."""

    def __init__(self) -> None:
        self.tensors: tuple[tuple[Tensor, int], ...] = ()

    def is_now(self, tensors: tuple[Tensor, ...]) -> bool:
        """Whether these are the same tensors, and nothing was written to them since.

        References are kept, so that no other tensor can take the same address.
        """
        return len(self.tensors) == len(tensors) and all(
            was is tensor and version == _version(tensor) >= 0
            for (was, version), tensor in zip(self.tensors, tensors, strict=True)
        )

    def note(self, tensors: tuple[Tensor, ...]) -> None:
        """Remembers these as they are now."""
        self.tensors = tuple((tensor, _version(tensor)) for tensor in tensors)


class EvalFactor(nn.Module):
    """A module with a buffer `eval_factor` [units], E[theta] * keep, that is brought up to date before it is used.

    A tracer (`torch.compile`, `torch.export`, ONNX) sees it as the constant that it was at the last forward pass,
    `eval()` or `load_state_dict`. What is written through `.data` is seen at the next `eval()`.
    """

    eval_factor: Tensor

    def __init__(self, units: int) -> None:
        super().__init__()
        self.register_buffer("eval_factor", torch.ones(units), persistent=False)
        self._seen = Seen()

    def expected_theta(self) -> Tensor:
        """E[theta] * keep of every unit, [units], without gradient."""
        raise NotImplementedError

    def _decides(self) -> tuple[Tensor, ...]:
        """The tensors that `eval_factor` is made of."""
        raise NotImplementedError

    def eval_values(self) -> Tensor:
        """`eval_factor`, brought up to date."""
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return self.eval_factor
        if not self._seen.is_now((*self._decides(), self.eval_factor)):
            # Made in inference mode it could never meet autograd again.
            with torch.inference_mode(False), torch.no_grad():
                self.eval_factor = self.expected_theta().to(self.eval_factor)
            self._seen.note((*self._decides(), self.eval_factor))
        return self.eval_factor

    def train(self: E, mode: bool = True) -> E:
        """As torch's; going to eval brings `eval_factor` up to date."""
        super().train(mode)
        self._refresh()
        return self

    def _refresh(self) -> None:
        """Computes `eval_factor` again where a tracer may take it next."""
        if not self.training and not torch.compiler.is_compiling() and not self.eval_factor.is_meta:
            self._seen = Seen()
            self.eval_values()

    def _apply(self: E, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> E:
        """As torch's, for `.to()`, `.half()` and so on; but buffers stay in float32 or float64."""
        before = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, buffer in self._buffers.items():
            if buffer is not None and buffer.is_floating_point() and buffer.element_size() < 4:
                self._buffers[name] = before[name].to(buffer.device)  # type: ignore[union-attr]  # it was there
        return self


def _version(tensor: Tensor) -> int:
    """How often a tensor was written to; -1 for those of inference mode, which do not count."""
    return -1 if tensor.is_inference() else tensor._version
