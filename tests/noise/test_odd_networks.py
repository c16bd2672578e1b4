"""What stands in networks that nobody here wrote: each is refused in a sentence, or pruned as far as it can be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sbp import attach, compact

X = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))


class Odd(nn.Module):
    """Two dense layers, and a forward pass that is told."""

    def __init__(self, forward: Callable[[Odd, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.gru = nn.Linear(6, 8), nn.Linear(8, 8), nn.GRU(8, 8)
        self.head, self.told = nn.Linear(8, 3), forward
        self.bare, self.kept = nn.Parameter(torch.randn(3, 8)), torch.zeros(0)

    def forward(self, x: Tensor) -> Tensor:
        return self.told(self, x)


def time_first(net: Odd, x: Tensor) -> Tensor:
    """Its axes are moved before the GRU, whose splits Torch-Pruning then misreads."""
    states = net.gru(torch.relu(net.first(x)).expand(5, 4, 8))[0]
    return net.head(torch.relu(net.second(states[-1])))


def test_units_that_cannot_be_followed_are_refused_and_the_others_pruned() -> None:
    noise = attach(Odd(time_first), X)
    assert noise.layout.names == ("second",)
    assert [refusal.name for refusal in noise.refused] == ["first"]


def test_units_whose_heads_are_mixed_by_a_reshape_are_refused_and_the_others_pruned() -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.HieraConfig(
        image_size=[32, 32],
        patch_stride=[4, 4],
        embed_dim=16,
        depths=[1, 1],
        num_heads=[1, 2],
        num_query_pool=1,
        masked_unit_size=[4, 4],
        masked_unit_attention=[True, True],
    )
    noise = attach(transformers.HieraForImageClassification(config).eval(), torch.randn(2, 3, 32, 32))
    assert noise.layout.names == tuple(f"hiera.encoder.stages.{stage}.layers.0.mlp.fc1" for stage in (0, 1))
    assert {r.name for r in noise.refused} >= {f"hiera.encoder.stages.{stage}.layers.0.attn.qkv" for stage in (0, 1)}


@torch.no_grad()
def without_gradients(net: Odd, x: Tensor) -> Tensor:
    return net.head(net.first(x))


def bare_weight(net: Odd, x: Tensor) -> Tensor:
    return net.head(nn.functional.pad(torch.einsum("nc,dc->nd", net.first(x), net.bare), (0, 5)))


def recurrent(net: Odd, x: Tensor) -> Tensor:
    return net.head(net.gru(net.first(x)[None])[0][0])


def test_two_layers_that_multiply_each_other_are_one_group() -> None:
    """The way out for one layer whose halves do."""
    noise = attach(Odd(lambda net, x: net.head(net.first(x) * net.second(x @ torch.ones(6, 8)).sigmoid())), X)
    assert (noise.layout.names, noise.refused) == (("first",), ())


def beside_the_input(net: Odd, x: Tensor) -> Tensor:
    """Torch-Pruning knows no size of the input, and adds it to others."""
    value, scale = net.first(x).chunk(2, 1)
    return net.head(torch.cat([value * scale.sigmoid(), x[:, :4]], 1))


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Odd(lambda net, x: net.head(net.first(x + torch.randn_like(x)))), "other outputs each time .* Turn off what"),
        (nn.Linear(6, 3), "No convolution and no nn.Linear was seen to read what another one makes"),
        (Odd(without_gradients), r"Nothing is seen of .* torch.no_grad\(\)"),
        (Odd(bare_weight), "first: .* where a bare weight multiplies the units, make it an nn.Linear"),
        (Odd(recurrent), r"exactly. first: its units do not line up .*, bare weights\)\.$"),
        (Odd(beside_the_input), "graph cannot be traced .* Attach to parts of it that can: sbp.attach"),
    ],
)
def test_a_network_without_a_prunable_unit_hears_why(model: nn.Module, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        attach(model, X)


def test_a_network_all_of_whose_groups_are_left_out_hears_so() -> None:
    with pytest.raises(ValueError, match="include and exclude leave out first"):
        attach(Odd(lambda net, x: net.head(net.first(x))), X, include=lambda group: False)


def keeping(net: Odd, x: Tensor) -> Tensor:
    net.kept = torch.relu(net.first(x))
    return net.head(net.kept)


def test_a_network_that_keeps_a_computed_tensor_says_how_it_can_be_copied() -> None:
    model = Odd(keeping)
    attach(model, X)
    model(X)
    with pytest.raises(ValueError, match=r"keeps a tensor of its last forward pass, call it once under torch.no_grad"):
        compact(model)
    with torch.no_grad():
        model(X)
    assert compact(model)(X).shape == (4, 3)
