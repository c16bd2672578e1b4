"""Masks put on a network in training are heard by whatever has compiled or captured a step of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sbp.noise.attach import attach_mask
from sbp.noise.unit_mask import UnitMask


def masked() -> tuple[nn.Module, UnitMask, Tensor, str]:
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(4, 6)
    noise = attach_mask(network, x)
    return network.train(), noise, x, noise.groups[0].name


def test_a_compiled_training_pass_hears_of_masks_that_are_set_in_training() -> None:
    torch._dynamo.reset()
    network, noise, x, group = masked()
    compiled = torch.compile(network, backend="eager")
    whole = compiled(x)
    noise.set_masks({group: [True, False, True, False, False]})
    assert torch.equal(compiled(x), network(x))
    assert not torch.equal(compiled(x), whole)


def test_a_training_pass_reads_no_tensor_that_an_evaluation_replaces() -> None:
    network, noise, x, group = masked()
    noise.set_masks({group: [True, False, True, False, False]})
    network(x)
    assert noise._state.parts is not None
    read = noise._state.parts[0].untyped_storage().data_ptr()
    assert read != noise.eval_factor.untyped_storage().data_ptr()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="Needs a CUDA GPU.")
def test_a_captured_training_pass_hears_of_masks_after_an_evaluation() -> None:
    network, noise, x, group = masked()
    network, x = network.cuda(), x.cuda()
    noise.set_masks({group: [True, False, True, False, False]})
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        network(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=side):
        answers = network(x)
    for mask in ([True, True, True, False, False], [False, False, True, True, True]):
        noise.set_masks({group: mask})
        network.eval()
        wanted = network(x)
        network.train()
        graph.replay()
        assert torch.allclose(answers, wanted)
