"""Shapes, dtypes, arguments: what every torch distribution owes its users, for both of ours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from sbp.distributions import LogUniform, TruncatedLogNormal

VALUES = ("mean", "variance", "stddev", "snr", "mode", "median")


def posterior(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> TruncatedLogNormal:
    numbers = torch.linspace(-3, 0.5, max(1, torch.Size(shape).numel()), dtype=dtype)
    return TruncatedLogNormal(numbers.reshape(shape), numbers.exp().reshape(shape))


def prior(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> LogUniform:
    return LogUniform(torch.full(shape, -20.0, dtype=dtype), torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize("make", [posterior, prior])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (4, 1, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shapes_and_dtypes(make, shape: tuple[int, ...], dtype: torch.dtype) -> None:  # type: ignore[no-untyped-def]
    q = make(shape, dtype)
    assert q.batch_shape == shape
    assert q.event_shape == ()
    for name in VALUES:
        assert (getattr(q, name).shape, getattr(q, name).dtype) == (shape, dtype)
    assert (q.entropy().shape, q.entropy().dtype) == (shape, dtype)
    for sample in ((), (7,), (3, 2), (0,)):
        theta = q.rsample(sample)
        assert (theta.shape, theta.dtype) == ((*sample, *shape), dtype)
        for value in (q.log_prob(theta), q.cdf(theta), q.icdf(q.cdf(theta))):
            assert (value.shape, value.dtype) == (theta.shape, dtype)
        assert q.sample(sample).requires_grad is False


@pytest.mark.parametrize("make", [posterior, prior])
def test_expand_is_the_same_distribution(make) -> None:  # type: ignore[no-untyped-def]
    q, wide = make((3,)), make((3,)).expand((4, 3))
    assert type(wide) is type(q)
    assert wide.batch_shape == (4, 3)
    assert wide.rsample((2,)).shape == (2, 4, 3)
    for name in VALUES:
        assert torch.equal(getattr(wide, name), getattr(q, name).expand(4, 3))
    assert Independent(wide, 1).event_shape == (3,)


def test_values_broadcast_against_the_batch() -> None:
    """A value axis of size 1 against units, and units of size 1 against values: the same numbers as written out."""
    q = posterior((2, 3), torch.float64)
    u = torch.tensor([[0.2], [0.8]], dtype=torch.float64)  # [2, 1]: repeats along the units
    for name in ("icdf", "cdf", "log_prob"):
        at = u if name == "icdf" else 0.3 + 0.1 * u
        assert torch.equal(getattr(q, name)(at), getattr(q, name)(at.expand(2, 3)))
    one = TruncatedLogNormal(torch.tensor(0.0), torch.tensor(1.0))
    many = torch.tensor([0.1, 0.5, 0.9])
    assert torch.equal(one.icdf(many), torch.stack([one.icdf(x) for x in many]))
    bounds = TruncatedLogNormal(torch.zeros(3), 1.0, torch.tensor([[-20.0], [-5.0]]), 0.0)
    assert bounds.batch_shape == (2, 3)
    assert (bounds.mean[0] != bounds.mean[1]).all()


def test_gradients_come_back_in_the_parameters_shapes() -> None:
    loc, scale = torch.zeros(2, 1, requires_grad=True), torch.ones(3, requires_grad=True)
    q = TruncatedLogNormal(loc, scale)
    for value in (q.rsample((5,)), q.icdf(torch.full((2, 1), 0.3)), q.mean, q.cdf(torch.tensor(0.3))):
        by_loc, by_scale = torch.autograd.grad(value.sum(), (loc, scale), retain_graph=True)
        assert (by_loc.shape, by_scale.shape) == ((2, 1), (3,))
        assert (by_loc != 0).all()


def test_the_ends_get_no_gradient() -> None:
    """a and b are fixed in the model; the quadrature's nodes move with them, so half a gradient would be worse."""
    ends = torch.tensor([-20.0, 0.0], requires_grad=True)
    q = TruncatedLogNormal(torch.zeros(2, requires_grad=True), 1.0, *ends)
    for value in (q.mean, q.snr, q.entropy(), q.rsample(), q.cdf(torch.tensor(0.5)), q.log_prob(torch.tensor(0.5))):
        assert torch.autograd.grad(value.sum(), ends, allow_unused=True) == (None,)


def test_dtypes_mix_to_the_widest() -> None:
    assert TruncatedLogNormal(torch.tensor(0), torch.tensor(1)).mean.dtype == torch.float32
    assert TruncatedLogNormal(torch.zeros(2), torch.ones(2, dtype=torch.float64)).rsample().dtype == torch.float64
    assert LogUniform(torch.tensor(-3), torch.tensor(0)).rsample().dtype == torch.float32
    half = TruncatedLogNormal(torch.zeros(2, dtype=torch.bfloat16), 1.0)
    assert half.mean.dtype == torch.bfloat16
    assert half.support.check(half.rsample((100,))).all()


def test_scalars_are_welcome() -> None:
    q = TruncatedLogNormal(0.0, 1.0, -20.0, 0.0)
    assert round(q.mean.item(), 4) == 0.5232
    assert repr(LogUniform(-20.0, 0.0)).startswith("LogUniform(")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: TruncatedLogNormal(0.0, 1.0, 0.0, 0.0), "Expected finite log_low < log_high"),
        (lambda: TruncatedLogNormal(0.0, 1.0, 2.0, -2.0), "Expected finite log_low < log_high"),
        (lambda: LogUniform(1.0, 1.0), "Expected finite log_low < log_high everywhere, got 1 and 1"),
        (lambda: LogUniform(-torch.inf, 0.0), "got -inf and 0"),
        (lambda: TruncatedLogNormal(torch.zeros(3), 1.0, torch.tensor([-1.0, 2.0, -1.0]), 1.0), "got 2 and 1"),
        (lambda: TruncatedLogNormal(0.0, 1.0, torch.nan, 1.0), "got nan and 1"),
        (lambda: TruncatedLogNormal(torch.zeros(2), torch.tensor([1.0, 0.0])), "scale"),
        (lambda: TruncatedLogNormal(torch.zeros(2), torch.tensor([1.0, -1.0])), "scale"),
        (lambda: TruncatedLogNormal(torch.tensor(torch.nan), 1.0), "loc"),
        (lambda: TruncatedLogNormal(0.0, 1.0).log_prob(torch.tensor(2.0)), "support"),
        (lambda: LogUniform(-5.0, 0.0).log_prob(torch.tensor(-1.0)), "support"),
    ],
)
def test_bad_arguments_are_named(make, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    "q", [TruncatedLogNormal(0.0, 1.0, -5.0, 0.0, validate_args=False), LogUniform(-5.0, 0.0, False)]
)
def test_outside_the_support(q: Distribution) -> None:
    """No mass outside: cdf 0 below and 1 above, density 0; and no NaN in a gradient, at 0 and below it either."""
    value = torch.tensor([-1.0, 0.0, 1e-3, 0.5, 1.0, 2.0], requires_grad=True)
    cdf, log_prob = q.cdf(value), q.log_prob(value)
    assert cdf[[0, 1, 2, 4, 5]].tolist() == [0, 0, 0, 1, 1]
    assert 0 < cdf[3] < 1
    assert (log_prob == -torch.inf).tolist() == [True, True, True, False, False, True]
    for x in (cdf, log_prob[3:5]):
        assert torch.isfinite(torch.autograd.grad(x.sum(), value, retain_graph=True)[0]).all()


@pytest.mark.parametrize("high", [2.0, 0.5, -1e-3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_ends_of_the_support_belong_to_it(high: float, dtype: torch.dtype) -> None:
    """However e^a and e^b round: a sample that lands on an end has a density."""
    for q in (
        TruncatedLogNormal(torch.tensor(high, dtype=dtype), 1.0, -7.3, high),
        LogUniform(torch.tensor(-7.3, dtype=dtype), torch.tensor(high, dtype=dtype)),
    ):
        ends = torch.stack([q.support.lower_bound, q.support.upper_bound])
        assert torch.isfinite(q.log_prob(ends)).all()
        assert torch.equal(q.icdf(torch.tensor([0.0, 1.0], dtype=dtype)), ends)


def test_a_whole_gradient_step_in_float32_stays_finite(points) -> None:  # type: ignore[no-untyped-def]
    """All quantities and a draw at once, summed, over the whole box: no NaN or infinity comes back."""
    loc, scale, low, high = points.tensors(torch.float32)
    q = TruncatedLogNormal(loc, scale, low, high)
    total: Tensor = q.mean + q.stddev + q.variance + q.entropy() + q.snr.log() + q.rsample() + q.mode + q.median
    for gradient in torch.autograd.grad(total.sum(), (loc, scale)):
        assert torch.isfinite(gradient).all()
