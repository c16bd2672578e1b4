"""One training step, stage by stage: against torch's autograd and Adam on the library's own sampler and KL."""

from __future__ import annotations

import math

import pytest
import torch

from sbp.distributions import moments
from sbp.distributions.one_step import EXAMPLES, RATE, TARGET, one_step
from sbp.distributions.quantile import LogQuantile

GATES = [
    (0.0, 0.0, -20.0, 0.0),
    (0.0, -5.0, -20.0, 0.0),
    (0.0, math.log(2), -20.0, 0.0),
    (-6.0, 3.0, -20.0, 0.0),
    (-1.5, 3.0, -3.0, 0.0),
    (-25.0, -2.0, -20.0, 0.0),
    (0.3, -3.0, -20.0, 0.0),
    (5.0, -8.0, -20.0, 0.0),
    (-2.0, 1.0, -3.0, 3.0),
    (4.0, 5.0, -40.0, 5.0),
]


@pytest.mark.parametrize("draw", [0, 1, 7])
@pytest.mark.parametrize("gate", GATES)
def test_it_is_the_step_that_torch_takes(gate: tuple[float, float, float, float], draw: int) -> None:
    mine = one_step(*gate, draw)
    loc, log_scale, low, high = (torch.tensor([value], dtype=torch.float64) for value in gate)
    for parameter in (loc, log_scale):
        parameter.requires_grad_()
    u = torch.tensor([[mine.u]], dtype=torch.float64)
    x = LogQuantile.apply(u, loc, log_scale.exp(), low, high)
    assert mine.x == pytest.approx(x.item(), abs=1e-9)
    nll = ((TARGET - x.exp()) ** 2 / 2).sum()
    assert mine.nll == pytest.approx(nll.item(), rel=1e-6, abs=1e-12)
    kl = moments.kl_to_log_uniform(loc, log_scale.exp(), low, high).sum() / EXAMPLES
    scale = max(1.0, math.exp(2 * gate[3]))
    for name, loss in (("nll", nll), ("kl", kl)):
        by_loc, by_log_scale = torch.autograd.grad(loss, (loc, log_scale), retain_graph=True)
        assert getattr(mine, f"{name}_by_loc") == pytest.approx(by_loc.item(), rel=1e-5, abs=1e-6 * scale)
        assert getattr(mine, f"{name}_by_log_scale") == pytest.approx(by_log_scale.item(), rel=1e-5, abs=1e-6 * scale)
    optimiser = torch.optim.Adam([loc, log_scale], lr=RATE)
    (nll + kl).backward()
    optimiser.step()
    assert (mine.loc, mine.log_scale) == pytest.approx((loc.item(), log_scale.item()), abs=1e-4)
    snr = float(moments.snr(loc.item(), log_scale.item(), *gate[2:]))
    assert mine.snr == pytest.approx(snr, rel=1e-3)


def test_x_moves_with_mu_and_sigma_as_it_says() -> None:
    (loc, log_scale), ends, h = (-0.5, -0.2), (-4.0, 1.0), 1e-5
    step = one_step(loc, log_scale, *ends)
    by_loc = one_step(loc + h, log_scale, *ends).x - one_step(loc - h, log_scale, *ends).x
    by_log_scale = one_step(loc, log_scale + h, *ends).x - one_step(loc, log_scale - h, *ends).x
    assert step.x_by_loc == pytest.approx(by_loc / (2 * h), rel=1e-6)
    assert step.x_by_log_scale == pytest.approx(by_log_scale / (2 * h), rel=1e-6)


def test_steps_of_a_useful_unit_do_not_prune_it_and_draws_differ() -> None:
    loc, log_scale, seen = 0.0, 0.0, set()
    for draw in range(40):
        step = one_step(loc, log_scale, -20.0, 0.0, draw)
        loc, log_scale = min(step.loc, 5.0), step.log_scale
        seen.add(step.u)
        assert step.snr > 1
    assert len(seen) == 40
