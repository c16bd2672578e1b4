"""Each network of the zoo builds, runs, and answers differently for different examples."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.noise.zoo import ZOO, call

BY_OTHERS = {name for name, entry in ZOO.items() if entry.package != "here"}


@pytest.mark.parametrize("name", ZOO)
def test_a_network_is_drawn_once_and_its_outputs_vary(name: str) -> None:
    entry = ZOO[name]
    model, again = entry.build(), entry.build()
    assert not any(module.training for module in model.modules())
    with torch.no_grad():
        logits = call(model, entry.example_input(4))
        repeated = call(again, entry.example_input(4))
    assert torch.equal(logits, repeated)
    assert torch.isfinite(logits).all()
    # Relative to the largest output, the law's own scale; a network of constants would pass the law whatever was cut.
    assert logits.std(dim=0).max() / logits.abs().max() > 0.03


def test_batch_norms_hold_statistics_of_their_own() -> None:
    model = ZOO["resnet20"].build()
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(norm.momentum == 0.1 for norm in norms)
    assert all(norm.running_var is not None and norm.running_var.std() > 0.01 for norm in norms)


def test_the_zoo_is_wide_enough() -> None:
    readable = [entry for entry in ZOO.values() if entry.readable]
    assert len(readable) >= 24
    assert len({entry.family for entry in readable}) >= 12
    assert len([entry for entry in readable if entry.package != "here"]) >= 12
    assert len(BY_OTHERS) >= 12


def test_what_a_network_reads_is_the_same_for_the_same_seed() -> None:
    entry = ZOO["conv1d"]
    first, second, other = entry.example_input(2), entry.example_input(2), entry.example_input(2, seed=1)
    assert isinstance(first, torch.Tensor)
    assert torch.equal(first, second)  # type: ignore[arg-type]
    assert not torch.equal(first, other)  # type: ignore[arg-type]
