"""What cannot leave exactly is refused by name, with the reason, whatever the network's weights happen to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from sbp import attach
from sbp.noise import Layout, find_layout
from tests.noise import law
from tests.noise.zoo import ZOO

LINE_UP = "do not line up one by one"
ATTENTION = "query, key or value of attention"

# By network: a group and the reason why it is refused.
REFUSED = {
    "grouped": ("0.0", "1.0 is a convolution in 4 groups, from each of which as many must leave"),
    "pytorchcv/resnext": ("features.stage2.unit1.body.conv1.conv", "is a convolution in 4 groups"),
    "transformers/regnet": ("regnet.encoder.stages.0.layers.0.layer.1.convolution", "is a convolution in"),
    "group-norm": ("0", "1 (GroupNorm) normalises over the units"),
    "mixer": ("embed", "norms.0 (LayerNorm) normalises over the units"),
    "transformers/convnext": ("convnext.embeddings.patch_embeddings", "LayerNorm) normalises over the units"),
    "transformers/vit": ("vit.layers.0.attention.q_proj", ATTENTION),
    "transformers/bert": ("bert.encoder.layer.1.attention.self.query", ATTENTION),
    "encoder": ("embed", "layers.0.self_attn (MultiheadAttention) mixes the units inside one kernel"),
    "lstm": ("embed", "lstm (LSTM) mixes the units inside one kernel"),
    "fixed-reshape": ("after.0", "its compact network fails (RuntimeError: shape '[-1, 16, 256]' is invalid"),
    "channel-buffer": ("stem", "its compact network fails (RuntimeError: The size of tensor a (11) must match"),
    "padded-shortcut": ("outer", LINE_UP),
    "gated": ("both", LINE_UP),
    "pytorchcv/shufflenetv2": ("features.stage1.unit2.expand_conv3", LINE_UP),
    "local-response": ("1", "the outputs of its compact network differ by"),
    "branches": ("after.0", "its units are outputs of the network as well"),
    "tied-weights": ("first", "its compact network fails"),
}
# Inner units of their blocks, which stay prunable.
PRUNABLE = {
    "transformers/vit": "vit.layers.0.mlp.fc1",
    "transformers/swin": "swin.encoder.layers.0.blocks.0.mlp.fc1",
    "transformers/convnext": "convnext.encoder.stages.0.layers.0.pwconv1",
    "transformers/bert": "bert.encoder.layer.0.intermediate.dense",
    "encoder": "layers.0.linear1",
    "mixer": "tokens.0.0",
}


@lru_cache
def layout_of(name: str) -> Layout:
    return find_layout(ZOO[name].build(), ZOO[name].example_input(4))


@pytest.mark.parametrize("name", REFUSED)
def test_a_group_is_refused_by_name_with_the_reason(name: str) -> None:
    layout = layout_of(name)
    group, reason = REFUSED[name]
    reasons = {refusal.name: refusal.reason for refusal in layout.refused}
    assert reason in reasons[group]
    assert all(refusal.remedy for refusal in layout.refused)
    assert not set(reasons) & set(layout.names)


@pytest.mark.parametrize("name", PRUNABLE)
def test_the_inner_units_stay_prunable(name: str) -> None:
    assert PRUNABLE[name] in layout_of(name).names


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("transformers/bit", "no unit that can be pruned exactly. bit.embedder.convolution: .*GroupNorm"),
        (
            "transformers/convnextv2",
            "no unit that can be pruned exactly. .*pwconv1: the outputs of its compact network",
        ),
        ("pytorchcv/shufflenet", "no unit that can be pruned exactly. .* is a convolution in 2 groups"),
        (
            "weight-norm",
            "no unit that can be pruned exactly. 0: the weight of 0 is computed from other tensors. .*remove",
        ),
        ("transformers/cvt", r"graph cannot be traced on example_input \(IndexError: list index out of range\)"),
        ("transformers/gpt2", "graph cannot be traced on example_input"),
    ],
)
def test_a_network_without_a_prunable_unit_is_refused_in_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        layout_of(name)


def test_a_weight_that_is_computed_by_hooks_is_refused_in_one_sentence() -> None:
    # torch.nn.utils.prune and the old weight_norm hold a computed tensor, which torch cannot copy.
    layer = nn.Linear(4, 8)
    prune.l1_unstructured(layer, "weight", 0.3)
    with pytest.raises(ValueError, match="cannot be copied .*prune.remove"):
        attach(nn.Sequential(layer, nn.ReLU(), nn.Linear(8, 3)), torch.randn(2, 4))


class Branch(nn.Module):
    """A residual branch whose norm mixes neighbouring units, and whose last factor is 0 at initialisation."""

    def __init__(self, last: Callable[[nn.Module], Any]) -> None:
        super().__init__()
        self.stem, self.first, self.norm = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.LocalResponseNorm(3, alpha=1.0)
        self.second, self.scale, self.head = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1)
        last(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(x + self.scale(self.second(self.norm(self.first(x)))))


@pytest.mark.parametrize("zero", ["scale.weight", "second.weight", "head.weight"])
def test_a_wrong_cut_shows_where_a_branch_is_silent_at_initialisation(zero: str) -> None:
    torch.manual_seed(0)
    model = Branch(lambda branch: nn.init.zeros_(branch.get_parameter(zero))).eval()
    layout = find_layout(model, torch.randn(2, 3, 4, 4))
    assert [refusal.name for refusal in layout.refused] == ["first"]
    assert layout.names == ("stem",)


def test_a_norm_over_units_is_refused_while_its_factor_is_still_zero() -> None:
    # ConvNeXtV2's response norm is an identity at initialisation, and mixes all units once it is trained.
    with pytest.raises(ValueError, match="no unit that can be pruned exactly"):
        attach(ZOO["transformers/convnextv2"].construct().eval(), ZOO["transformers/convnextv2"].example_input(2))


class Float32Norm(nn.Module):
    """Normalises each unit by itself, and always computes it in float32."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x.to(torch.float32)).to(x.dtype)


def test_what_is_always_computed_in_float32_is_judged_in_float64() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), Float32Norm(), nn.Linear(16, 16), Float32Norm(), nn.Linear(16, 4))
    assert find_layout(model, torch.randn(2, 6)).refused == ()


class Halves(nn.Module):
    """Two layers that each make half of the channels that a third one makes alone: a unit is one of the third's."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.upper, self.lower = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
        self.head = nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.whole(x) + torch.cat([self.upper(x), self.lower(x)], 1)))


def test_a_layer_that_makes_part_of_a_group_may_lose_all_its_units() -> None:
    torch.manual_seed(0)
    model, images = Halves(), torch.randn(4, 3, 2, 2)
    noise = attach(model, images)
    law.randomise_theta(noise)
    assert noise.refused == ()
    for kept in ([True] * 4 + [False] * 4, [False] * 4 + [True] * 4, [False] * 8):
        expected, got = (law.outputs(one, images) for one in law.both(model, {"whole": np.array(kept)}))
        assert law.difference(got, expected) < 1e-6


def test_units_that_are_rotated_are_refused_and_the_search_ends() -> None:
    # Rotary embeddings lead Torch-Pruning's dependencies round in circles.
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=100,
        max_position_embeddings=32,
        num_labels=5,
        pad_token_id=0,
    )
    model = transformers.LlamaForSequenceClassification(config).eval()
    layout = find_layout(model, torch.randint(1, 100, (2, 12)))
    assert layout.names == ("model.layers.0.mlp.gate_proj",)
    assert {refusal.name for refusal in layout.refused} == {
        "model.layers.0.self_attn.q_proj",
        "model.layers.0.self_attn.o_proj",
    }
