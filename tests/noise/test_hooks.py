"""The hooks that multiply, under a compiler that does not know how large a batch is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import sbp


@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning")
def test_batches_of_any_size_go_through_what_was_compiled_once() -> None:
    torch._dynamo.reset()
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    sbp.attach(model, torch.zeros(2, 1, 8, 8))
    compiled = torch.compile(model, backend="eager", dynamic=True)
    for n in (6, 5, 9):
        x = torch.randn(n, 1, 8, 8)
        assert compiled(x).shape == (n, 5)
    model.eval()
    torch.testing.assert_close(compiled(x), model(x))
