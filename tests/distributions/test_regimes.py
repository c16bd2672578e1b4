"""The quantile's three regimes: where they meet, at the ends of the support, and both ways of putting them together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sbp.distributions import quantile
from sbp.distributions.normal_tail import FAR
from sbp.distributions.quantile import LogQuantile, RegimeTable
from sbp.distributions.regimes import FLAT, Far, Flat, Near

DTYPES = (torch.float64, torch.float32)

# One unit in each regime, two in Near; h >= -w/2.
H = (-10.0, 30.0, 0.01, 3.0, 6.0)
W = (20.0, 1.0, 0.1, 1000.0, 0.3)


def unit(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return torch.tensor(H, dtype=dtype), torch.tensor(W, dtype=dtype)


def test_every_interval_has_one_regime() -> None:
    h = torch.linspace(-60, 60, 241)[:, None]
    w = torch.logspace(-4, 4, 101)
    assert (torch.stack([regime.holds(h, w) for regime in (Near, Far, Flat)]).sum(0) == 1).all()
    assert bool(Near.holds(torch.tensor(torch.nan), torch.tensor(1.0)))
    assert all(bool(regime.holds(*torch.tensor(regime.harmless))) for regime in (Near, Far, Flat))


@pytest.mark.parametrize("dtype", DTYPES)
def test_gathering_columns_equals_picking_by_where(dtype: torch.dtype) -> None:
    """What an accelerator does (every regime on every unit) is what the CPU does (each on its own columns)."""
    h, w = unit(dtype)
    v = torch.linspace(0.001, 0.999, 50, dtype=dtype)[:, None].expand(50, len(h))
    here, there = RegimeTable(h, w, gather=True), RegimeTable(h, w, gather=False)
    at = here.offset(v, 1 - v)
    assert torch.equal(at, there.offset(v, 1 - v))
    for mine, theirs in zip(here.gradient(at, v, 1 - v), there.gradient(at, v, 1 - v), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize(("one", "other"), [("near", "far"), ("near", "flat"), ("far", "flat")])
def test_regimes_agree_where_they_meet(one: str, other: str) -> None:
    """Just on either side of a border t, dt/dh and d(sigma t)/d sigma are the same to 1e-7 (float64)."""
    step = 1e-9
    h = torch.full((2,), 2.0 if one == "near" else 9.0, dtype=torch.float64)
    if other == "far":
        h = FAR + torch.tensor([-step, step], dtype=torch.float64)
        w = torch.full((2,), 0.7, dtype=torch.float64)
    else:
        edge = (torch.sqrt(h * h + 4 * FLAT) - h) / 2
        w = edge + torch.tensor([step, -step], dtype=torch.float64)
    regimes: dict[str, type[Near | Far | Flat]] = {"near": Near, "far": Far, "flat": Flat}
    assert [bool(regimes[one].holds(h, w)[0]), bool(regimes[other].holds(h, w)[1])] == [True, True]
    units = RegimeTable(h, w)
    v = torch.tensor([[0.1], [0.5], [0.95]], dtype=torch.float64).expand(3, 2)
    at = units.offset(v, 1 - v)
    t = torch.where(Near.holds(h, w), at - h, at)
    for x in (t, *units.gradient(at, v, 1 - v)):
        torch.testing.assert_close(x[:, 0], x[:, 1], rtol=1e-7, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ends_of_the_uniform_are_ends_of_the_support(dtype: torch.dtype) -> None:
    """u = 0 and u = 1 give a and b, with finite derivatives, in every regime and from either side."""
    loc = torch.tensor([0.5, -20.5, -10.0, -3.0, 4.0, -24.0, 0.0], dtype=dtype, requires_grad=True)
    scale = torch.tensor([0.01, 0.01, 120.0, 1.0, 0.001, 1.0, 0.0004], dtype=dtype, requires_grad=True)
    low, high = torch.full((7,), -20.0, dtype=dtype), torch.zeros(7, dtype=dtype)
    for u, end in ((0.0, -20.0), (1.0, 0.0)):
        x = LogQuantile.apply(torch.full((3, 7), u, dtype=dtype), loc, scale, low, high)
        # A float32 quantile ends at 13 sigma: nearer to the end than that there is nothing to draw.
        near = torch.isclose(x, torch.tensor(end, dtype=dtype), atol=1e-6)
        assert bool((near | (dtype == torch.float32)).all())
        assert all(torch.isfinite(g).all() for g in torch.autograd.grad(x.sum(), (loc, scale)))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    u = torch.rand(101, 5, generator=torch.Generator().manual_seed(0))
    loc, scale = torch.tensor([0.0, 0.1, -5.0, -19.0, -3.0]), torch.tensor([0.01, 0.01, 1.0, 3.0, 100.0])

    def drawn() -> tuple[Tensor, ...]:
        mu, sigma = loc.clone().requires_grad_(), scale.clone().requires_grad_()
        x = LogQuantile.apply(u, mu, sigma, torch.tensor(-20.0), torch.tensor(0.0))
        return x, *torch.autograd.grad(x.exp().sum(), (mu, sigma))

    whole = drawn()
    monkeypatch.setattr(quantile, "BLOCK", 35)
    for mine, theirs in zip(drawn(), whole, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_nan_parameters_give_nan() -> None:
    """A diverged unit is seen, and does not hide behind a clamp or break its neighbours."""
    loc, scale = torch.tensor([0.0, torch.nan]), torch.tensor([1.0, 1.0])
    x = LogQuantile.apply(torch.full((4, 2), 0.3), loc, scale, torch.tensor(-20.0), torch.tensor(0.0))
    assert torch.isfinite(x[:, 0]).all()
    assert torch.isnan(x[:, 1]).all()
