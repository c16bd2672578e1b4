"""Noise on parts of a network, which is the way out where the whole cannot be traced; and on one that is wrapped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from sbp import attach, compact, detach, masked, observe, parameter_groups
from sbp.noise.install import noise_of
from tests.noise import law

X = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))


def mlp(inputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, 7))


@pytest.fixture
def model() -> nn.Module:
    """Two parts with noise and a layer without."""
    torch.manual_seed(0)
    whole = nn.Sequential(mlp(6), nn.Tanh(), mlp(7), nn.Linear(7, 3))
    for part, inputs in ((whole[0], X), (whole[2], torch.randn(5, 7))):
        noise = attach(part, inputs)
        law.randomise_theta(noise)
        noise.log_scale.data[:3] = 5.0
    return whole.eval()


def test_the_noise_of_each_part_gets_its_own_rate(model: nn.Module) -> None:
    weights, noise = parameter_groups(model, lr=1e-3, noise_lr=0.1, weight_decay=1e-4)
    assert len(noise["params"]) == 4, "mu and log sigma of two parts"
    assert {id(p) for p in noise["params"]} == {id(p) for n, p in model.named_parameters() if "sbp_noise" in n}
    assert len(weights["params"]) == 10


def test_all_parts_are_compacted_and_masked(model: nn.Module) -> None:
    kept = [int(noise_of(part).keep_units().sum()) for part in (model[0], model[2])]  # type: ignore[index]
    assert 0 < min(kept) <= max(kept) < 8, "something is pruned of each"
    small = compact(model)
    assert [small[0][0].out_features, small[2][0].out_features] == kept  # type: ignore[index]
    assert not any("sbp_noise" in name for name in small.state_dict())
    for other in (small, masked(model)):
        assert law.difference(law.outputs(other, X), law.outputs(model, X)) < 1e-5


def test_all_parts_lose_their_noise(model: nn.Module) -> None:
    assert not any("sbp_noise" in name for name in detach(model).state_dict())
    with pytest.raises(ValueError, match="no noise that could be taken off"):
        detach(model)


def test_what_is_of_one_noise_alone_asks_for_one_part(model: nn.Module) -> None:
    optimiser = torch.optim.Adam(parameter_groups(model, lr=1e-3, noise_lr=0.1))
    with pytest.raises(ValueError, match="attached to 2 parts of this network; expected one of these"):
        observe(model, optimiser, step=0, nll=0.7, loss=0.8)
    with pytest.raises(ValueError, match="attached to 2 parts"):
        compact(model, {"0": [True] * 8})
    with pytest.raises(ValueError, match="has noise already"):
        attach(model, X)


def compiled(model: nn.Module) -> nn.Module:
    return cast(nn.Module, torch.compile(model, backend="eager"))


def test_a_compiled_network_is_refused_and_can_be_compacted() -> None:
    torch.manual_seed(0)
    model = mlp(6).eval()
    with pytest.raises(ValueError, match="compiled already. Call sbp.attach on the network itself, then torch.compile"):
        attach(compiled(model), X)
    law.randomise_theta(attach(model, X))
    small = compact(compiled(model))
    assert law.difference(law.outputs(small, X), law.outputs(model, X)) < 1e-5


def test_the_snippets_of_the_page_on_refusals_run() -> None:
    page = Path(__file__).parents[2] / "docs" / "refused.md"
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(snippet, page.name, "exec"), names)
    assert [noise.layout.names for noise in names["noises"]] == [("0",), ("0",)]
    assert names["loss"] > sum(noise.kl() for noise in names["noises"]) / 17, "both KLs are in the loss"
    assert type(names["small"]) is type(names["model"])
