"""Group lasso: the penalty by hand, its gradient by finite differences, and what becomes of small weights."""

from __future__ import annotations

import math

import pytest
import torch

from sbp.methods.ssl import group_norms
from tests.methods.cases import built, made, weight_of


def test_the_norms_of_rows_and_columns_by_hand() -> None:
    weight = torch.tensor([[3.0, 4.0, 0.0], [0.0, 3.0, 0.0]], dtype=torch.float64)
    assert group_norms(weight, columns=False).item() == pytest.approx(5 + 3)
    assert group_norms(weight, rows=False).item() == pytest.approx(3 + 5 + 0)
    assert group_norms(weight).item() == pytest.approx(16)
    assert group_norms(weight, rows=False, columns=False).item() == 0


def test_filters_and_channels_hold_their_kernels_whole() -> None:
    weight = torch.zeros(2, 3, 2, 2, dtype=torch.float64)
    weight[0, 1] = 1  # norm 2
    weight[1, 1, 0, 0] = 1.5
    assert group_norms(weight, columns=False).item() == pytest.approx(2 + 1.5)
    assert group_norms(weight, rows=False).item() == pytest.approx(2.5)


def test_the_gradient_is_that_of_finite_differences_and_0_where_a_group_is_0() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 4, 2, 2, generator=generator, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(group_norms, (weight,))
    with torch.no_grad():
        weight[1] = 0
        weight[:, 2] = 0
    group_norms(weight).backward()
    gradient = weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert not gradient[1, 2].any()


def test_the_networks_penalty_is_lambda_times_every_group_that_is_a_unit() -> None:
    """LeNet-5-Caffe written out: filters; conv2's input channels; rows and columns of the dense layers; not classes."""
    method = made("ssl", "lenet-5-caffe", group_penalty=0.3)
    network = built(method)
    conv1, conv2, dense, output = (
        weight_of(network, name).weight.detach() for name in ("conv1", "conv2", "dense1", "output")
    )
    groups = [*conv1, *conv2, *conv2.transpose(0, 1), *dense, *dense.T, *output.T]
    assert len(groups) == 5 + 7 + 5 + 19 + 7 * 16 + 19
    by_hand = 0.3 * math.fsum(math.sqrt(float((group**2).sum())) for group in groups)
    penalty = method.penalty(network, 1000, torch.tensor(0.5))
    assert penalty.term.item() == pytest.approx(by_hand, rel=1e-12)
    assert penalty.kl.item() == penalty.kl_weighted.item() == 0


def test_the_pixels_are_columns_too() -> None:
    method = made("ssl", "lenet-500-300", group_penalty=1.0)
    network = built(method)
    method.penalty(network, 1000, torch.tensor(1.0)).term.backward()
    first = weight_of(network, "dense1").weight
    row, column = first.norm(dim=1, keepdim=True), first.norm(dim=0, keepdim=True)
    torch.testing.assert_close(first.grad, (first / row + first / column).detach(), rtol=1e-10, atol=1e-12)


def test_weights_below_1e_4_become_0_and_no_others() -> None:
    method = made("ssl", "lenet-500-300")
    network = built(method)
    weight = weight_of(network, "dense2").weight
    with torch.no_grad():
        weight[0, :4] = torch.tensor([0.99e-4, -0.99e-4, 1.01e-4, -1.01e-4], dtype=weight.dtype)
    before = weight.detach().clone()
    method.project_(network)
    assert weight[0, :4].tolist() == [0, 0, 1.01e-4, -1.01e-4]
    small = before.abs() < 1e-4
    torch.testing.assert_close(weight[~small], before[~small], rtol=0, atol=0)
    assert weight_of(network, "dense2").get_parameter("bias").all()
