"""Both distributions where they end: half precision, NaN, whole numbers, outside of [0, 1]."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from sbp import LogUniform, TruncatedLogNormal

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def both(
    dtype: torch.dtype = torch.float32, low: float = -20.0, high: float = 0.0, **options: bool
) -> list[Distribution]:
    """The prior and a posterior on one interval."""
    a, b = torch.tensor(low, dtype=dtype), torch.tensor(high, dtype=dtype)
    loc, scale = torch.tensor(low / 2, dtype=dtype), torch.tensor(4.0, dtype=dtype)
    return [LogUniform(a, b, **options), TruncatedLogNormal(loc, scale, a, b, **options)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("low", "high"), [(-20.0, 0.0), (-12.0, -11.0), (-19.0, -18.0)])
def test_log_prob_is_finite_on_ones_own_draws(dtype: torch.dtype, low: float, high: float) -> None:
    torch.manual_seed(0)
    for distribution in both(dtype, low, high, validate_args=True):
        theta = distribution.sample(torch.Size([4000]))
        assert theta.dtype == dtype
        assert (theta > 0).all()
        assert torch.isfinite(distribution.log_prob(theta)).all(), distribution
        assert ((distribution.cdf(theta) >= 0) & (distribution.cdf(theta) <= 1)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once(dtype: torch.dtype) -> None:
    exact = LogUniform(torch.tensor(-20.0).double(), torch.tensor(0.0).double())
    rounded = both(dtype)[0]
    assert isinstance(rounded, LogUniform)
    for name in ("mean", "snr", "stddev", "median"):
        value, truth = getattr(rounded, name), getattr(exact, name)
        assert value.dtype == dtype
        assert value.item() == pytest.approx(truth.item(), rel=2 * torch.finfo(dtype).eps)
    assert rounded.entropy().item() == pytest.approx(exact.entropy().item(), rel=torch.finfo(dtype).eps)


@pytest.mark.parametrize("validate", [True, False])
def test_expand_keeps_validation(validate: bool) -> None:
    for distribution in both(validate_args=validate):
        large = distribution.expand(torch.Size([2, 3]))
        assert large.batch_shape == (2, 3)
        for one in (distribution, large):
            if validate:
                with pytest.raises(ValueError, match="support"):
                    one.log_prob(torch.tensor(2.0))
            else:
                assert (one.log_prob(torch.tensor(2.0)) == -torch.inf).all()


def test_nan_in_is_nan_out_and_both_sides_of_the_unit_interval_are_alike() -> None:
    nan = torch.tensor(torch.nan)
    for distribution in both(validate_args=False):
        assert distribution.cdf(nan).isnan()
        assert distribution.icdf(nan).isnan()
        assert distribution.log_prob(nan).isnan()
        assert distribution.icdf(torch.tensor([-0.1, 1.1, -1e-7])).isnan().all()
        ends: Tensor = distribution.icdf(torch.tensor([0.0, 1.0]))
        torch.testing.assert_close(ends.log(), torch.tensor([-20.0, 0.0]), atol=1e-5, rtol=1e-6)
        assert distribution.cdf(torch.tensor([0.0, 2.0])).tolist() == [0.0, 1.0]


def test_nan_is_refused_where_arguments_are_validated() -> None:
    for distribution in both(validate_args=True):
        with pytest.raises(ValueError, match="support"):
            distribution.log_prob(torch.tensor(torch.nan))


@pytest.mark.parametrize("what", ["log_prob", "cdf", "icdf"])
def test_whole_numbers_get_a_sentence(what: str) -> None:
    for distribution in both():
        with pytest.raises(ValueError, match=r"floating-point numbers, got torch.int64; convert it with value.float"):
            getattr(distribution, what)(torch.tensor([1, 2]))
        with pytest.raises(ValueError, match=r"value: expected a tensor, got 0.5"):
            getattr(distribution, what)(0.5)


def test_gradients_pass_where_a_draw_can_be_held() -> None:
    loc = torch.tensor(-1.0, requires_grad=True)
    q = TruncatedLogNormal(loc, torch.tensor(0.5))
    u = torch.tensor([0.3, 1.2])
    (gradient,) = torch.autograd.grad(torch.nansum(q.icdf(u)), loc)
    (wanted,) = torch.autograd.grad(q.icdf(u[:1]).sum(), loc)
    torch.testing.assert_close(gradient, wanted)
