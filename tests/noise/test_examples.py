"""theta belongs to one example: where a layer reads other rows than the examples, its units get theirs or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sbp import attach
from sbp.noise import find_layout
from tests.noise.zoo import ZOO


class Between(nn.Module):
    """Two dense layers, and what happens to the rows between them."""

    def __init__(self, before: Callable[[Tensor], Tensor], after: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 6)
        self.before, self.after = before, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.second(torch.relu(self.first(self.before(x)))), len(x))


def sequence_first() -> nn.Module:
    """[examples, tokens, features], whose layers read [tokens, examples, features]."""
    return Between(lambda x: x.transpose(0, 1), lambda y, _: y.transpose(0, 1))


def windows(examples_first: bool) -> nn.Module:
    """[examples, windows, features], whose layers read windows as rows, example by example or window by window."""
    if examples_first:
        return Between(lambda x: x.flatten(0, 1), lambda y, n: y.unflatten(0, (n, -1)))
    return Between(lambda x: x.transpose(0, 1).flatten(0, 1), lambda y, n: y.unflatten(0, (-1, n)).transpose(0, 1))


class Twice(nn.Module):
    """A layer that reads each example once as one row, and once as three."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        return self.second(y.mean(1)) + self.second(y.flatten(0, 1)).unflatten(0, (len(x), -1)).sum(1)


@pytest.mark.parametrize(("examples", "tokens"), [(1, 4), (4, 4), (4, 8), (2, 3)])
def test_a_layer_that_reads_a_sequence_first_is_refused(examples: int, tokens: int) -> None:
    # With as many tokens as examples all shapes fit, and token i would get theta of example i.
    with pytest.raises(ValueError, match="second reads rows that belong to no single example. Axis 0"):
        attach(sequence_first(), torch.randn(examples, tokens, 5))


@pytest.mark.parametrize("examples", [1, 4])
def test_windows_get_the_theta_of_their_example_or_none(examples: int) -> None:
    given = torch.randn(examples, 3, 5)
    assert find_layout(windows(True), given).rows == {"second": 3}
    # With one example all orders are alike; the next batch would be wrong.
    with pytest.raises(ValueError, match="another order than the examples'"):
        attach(windows(False), given)


def test_examples_in_another_order_are_refused() -> None:
    model = Between(lambda x: x.flip(0), lambda y, _: y.flip(0))
    with pytest.raises(ValueError, match="another order than the examples'"):
        attach(model, torch.randn(4, 5))


@pytest.mark.parametrize("examples", [1, 4])
def test_a_layer_that_reads_now_more_now_fewer_rows_is_refused(examples: int) -> None:
    with pytest.raises(ValueError, match="second reads rows that belong to no single example"):
        attach(Twice(), torch.randn(examples, 3, 5))


@pytest.mark.parametrize("name", ["resnet20", "transformers/swin", "transformers/vit"])
def test_one_example_finds_what_four_find(name: str) -> None:
    model = ZOO[name].build()
    one, four = (find_layout(model, ZOO[name].example_input(n)) for n in (1, 4))
    assert one.names == four.names
    assert one.rows == four.rows


def test_a_network_that_runs_on_one_number_of_examples_is_pruned_all_the_same() -> None:
    model = Between(lambda x: x.reshape(2, 5), lambda y, _: y)
    assert find_layout(model, torch.randn(2, 5)).names == ("first",)


def test_pixels_leave_the_modules_in_the_mode_that_they_are_in() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).train()
    model[2].eval()
    attach(model, torch.randn(2, 1, 4, 4), pixels=True)
    assert [module.training for module in list(model.children())[:5]] == [True, True, False, True, True]
