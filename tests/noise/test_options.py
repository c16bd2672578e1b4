"""Every option of `attach`, what it refuses, and that `detach` gives the network back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sbp import compact
from sbp.noise import attach, attach_mask, detach, find_layout, has_noise, noise_of
from tests.noise.small import NETWORKS, Residual, conv, mlp, spread_noise

X, IMAGE = torch.randn(3, 8), torch.randn(3, 3, 8, 8)


def test_include_and_exclude_take_patterns_and_functions() -> None:
    assert attach(Residual(), IMAGE).layout.names == ("stem", "blocks.0.0", "blocks.1.0")
    assert attach(Residual(), IMAGE, include=["blocks.*"]).layout.names == ("blocks.0.0", "blocks.1.0")
    assert attach(Residual(), IMAGE, exclude=["blocks.?.0"]).layout.names == ("stem",)
    assert attach(Residual(), IMAGE, include=["blocks.*"], exclude=["*.1.*"]).layout.names == ("blocks.0.0",)
    wide = attach(Residual(), IMAGE, include=lambda group: group.units > 6)
    assert wide.layout.names == ("blocks.0.0", "blocks.1.0")
    # What is left out is neither multiplied nor cut.
    model = Residual()
    noise = attach(model, IMAGE, include=["blocks.0.0"])
    assert set(noise.layout.reads) == {"blocks.0.2"}
    small = compact(model, {"blocks.0.0": [True] * 3 + [False] * 5})
    assert small.stem.out_channels == 6
    assert small.blocks[0][0].out_channels == 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"exclude": ["stam"]}, "exclude: expected names among stem, blocks.0.0, blocks.1.0, got stam"),
        ({"include": ["nothing*"]}, "include: expected names among stem, blocks.0.0, blocks.1.0, got nothing"),
        ({"include": lambda group: group.units > 99}, "no unit that can be pruned"),
        ({"features": ["head"]}, "features"),
        ({"features": ["nowhere"]}, "features: expected layers among .*, got 'nowhere'"),
        ({"share": {"nowhere": [0]}}, "share: expected groups among .*, got 'nowhere'"),
        ({"share": {"stem": [0, 1]}}, "share: expected 6 whole numbers from 0 without a gap for stem"),
        ({"share": {"stem": [0, 0, 0, 2, 2, 2]}}, "without a gap"),
        ({"share": {"stem": [0.0] * 6}}, "whole numbers"),
        ({"log_low": 1.0}, "log_low, log_high: expected finite a < b"),
        ({"log_low": float("-inf")}, "expected finite a < b"),
        ({"log_high": {"stem": 0.0}}, "log_high: expected one number for each of stem, blocks.0.0, blocks.1.0"),
        ({"init_loc": float("nan")}, "expected finite numbers"),
        ({"threshold": float("nan")}, "threshold: expected an SNR of at least 0"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_the_network_alone(options: dict[str, Any], words: str) -> None:
    model = Residual()
    with pytest.raises(ValueError, match=words):
        attach(model, IMAGE, **options)
    assert not has_noise(model)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_numbers_by_group() -> None:
    lows = {"0": -5.0, "2": -8.0}
    noise = attach(mlp(), X, log_low=lows, log_high={"0": 0.5, "2": 0.0}, init_loc={"0": -1.0, "2": -2.0})
    assert noise.by_group(noise.log_low)["0"].tolist() == [-5.0] * 16
    assert noise.by_group(noise.log_low)["2"].tolist() == [-8.0] * 12
    assert noise.by_group(noise.log_high)["0"].tolist() == [0.5] * 16
    assert noise.by_group(noise.loc.detach())["2"].tolist() == [-2.0] * 12
    theta = noise.draw(500)
    assert theta[:, :16].log().min() > -5 - 1e-4
    assert theta.max() > 0.3


def test_pixels_of_a_dense_network_leave_it() -> None:
    model = mlp()
    noise = attach(model, X, pixels=True)
    assert noise.layout.names == ("input", "0", "2")
    assert not noise.layout.scales_input
    keep = torch.arange(8) % 2 == 0
    small = compact(model, {"input": keep, "0": [True] * 16, "2": [True] * 12})
    assert small[0].in_features == 4  # type: ignore[index]
    noise.set_masks({"input": keep})
    torch.testing.assert_close(small(X), model.eval()(X))


def test_pixels_of_a_colour_image_are_shared_by_its_channels() -> None:
    model = conv()
    noise = attach(model, IMAGE, pixels=True)
    assert noise.groups[0].shape == (8, 8)
    assert noise.layout.scales_input
    seen: list[Tensor] = []
    model[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))  # type: ignore[index]
    theta = torch.rand(3, noise.layout.n_units)
    with noise.using(theta=theta):
        model(IMAGE)
    torch.testing.assert_close(seen[0], IMAGE * theta[:, :64].view(3, 1, 8, 8))
    spread_noise(noise)
    torch.testing.assert_close(compact(model)(IMAGE), model.eval()(IMAGE), rtol=1e-4, atol=1e-5)


def test_pixels_of_a_flattened_colour_image() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 6), nn.ReLU(), nn.Linear(6, 2))
    noise = attach(model, IMAGE, pixels=True)
    assert noise.groups[0].units == 64
    noise.set_masks({"input": torch.arange(64) < 10})
    small = compact(model)
    assert small[1].in_features == 30
    torch.testing.assert_close(small(IMAGE), model.eval()(IMAGE))


@pytest.mark.parametrize("features", [True, ["7"]])
def test_features_behind_a_flatten(features: Any) -> None:
    model = conv()
    noise = attach(model, IMAGE, features=features)
    group = next(g for g in noise.groups if g.kind == "feature")
    assert (group.name, group.units, group.shape, group.parent) == ("features", 32, (8, 2, 2), "3")
    keep = torch.rand(32, generator=torch.Generator().manual_seed(0)) < 0.4
    noise.set_masks({"features": keep, "3": torch.arange(8) != 2})
    small = compact(model)
    assert small[7].weight.shape[1] == int((keep & (torch.arange(32) // 4 != 2)).sum())  # type: ignore[index]
    torch.testing.assert_close(small(IMAGE), model.eval()(IMAGE))


def test_shared_units_learn_and_leave_together() -> None:
    model = conv()
    noise = attach(model, IMAGE, share={"0": [0, 0, 1, 1, 2, 2]}, init_log_scale=0.0)
    assert noise.groups[0].units == 3
    seen: list[Tensor] = []
    model[3].register_forward_pre_hook(lambda _, args: seen.append(args[0]))  # type: ignore[index]
    torch.manual_seed(0)
    model.eval()(IMAGE)
    with noise.using("sample"):
        model(IMAGE)
    ratio = (seen[1] / seen[0]).mean((2, 3)).nan_to_num()
    torch.testing.assert_close(ratio[:, 0], ratio[:, 1])
    assert compact(model, {"0": [True, False, True], "3": [True] * 8})[0].out_channels == 4  # type: ignore[index]


def test_masks_from_outside() -> None:
    model = mlp()
    noise = attach(model, X)
    noise.set_masks({"0": [True, False] * 8})
    assert noise.keep["0"].tolist() == [True, False] * 8
    for wrong, words in (
        ({"0": [True] * 16, "9": [True]}, "expected groups among 0, 2, got '9'"),
        ({"0": [False] * 16, "2": [True] * 5}, r"expected shape \[12\] for 2, got \[5\]"),
    ):
        with pytest.raises(ValueError, match=words):
            noise.set_masks(wrong)
        assert noise.keep["0"].tolist() == [True, False] * 8, "what is refused changes nothing"
    noise.set_masks(None)
    assert noise.keep["0"].all()  # log sigma = -5: all stay
    mask = attach_mask(mlp(), X)
    mask.set_masks({"2": torch.zeros(12, dtype=torch.bool)})
    assert not mask.keep["2"].any()
    assert mask.keep["0"].all()


def test_using_restores_also_after_an_exception() -> None:
    model = mlp().eval()
    noise = spread_noise(attach(model, X))
    wanted, masks = model(X), {"0": [False] * 16}
    with noise.using("off"):
        torch.testing.assert_close(model(X), detach(copy.deepcopy(model))(X))
    with noise.using("sample"):
        assert not torch.equal(model(X), model(X))
    with noise.using(theta=torch.ones(1, 28)), noise.using("mean"):
        torch.testing.assert_close(model(X), detach(copy.deepcopy(model))(X))
    with noise.using(masks=masks):
        assert torch.equal(model(X)[0], model(X)[1])  # nothing of the input gets through
    model.train()
    with noise.using("mean"):
        torch.testing.assert_close(model(X), wanted)
    model.eval()
    for options in ({"mode": "off"}, {"theta": torch.zeros(1, 28)}, {"masks": masks}):
        with pytest.raises(RuntimeError, match="on the way"), noise.using(**options):
            raise RuntimeError("on the way")
        assert torch.equal(model(X), wanted), options
    for options, words in (
        ({"mode": "never"}, "mode: expected one of auto, mean, sample, off, got 'never'"),
        ({"theta": torch.ones(1, 27)}, r"theta: expected \[examples or 1, 28\]"),
        ({"masks": {"0": [True]}}, "masks: expected shape"),
    ):
        with pytest.raises(ValueError, match=words), noise.using(**options):
            pass
        assert torch.equal(model(X), wanted)
    noise.set_masks({"2": [True] * 12})
    with noise.using(masks=masks):
        pass
    assert noise.decided[16:].tolist() == [1] * 12
    assert noise.decided[:16].tolist() == [-1] * 16


def test_a_layout_serves_networks_of_the_same_architecture() -> None:
    torch.manual_seed(0)
    first, second = conv(), conv()
    layout = find_layout(first, IMAGE, pixels=True, features=True)
    assert not has_noise(first)
    one, two = attach(first, IMAGE, layout=layout), attach(second, IMAGE, layout=layout)
    assert one.layout is two.layout
    spread_noise(two)
    assert one.keep_units().all()
    torch.testing.assert_close(compact(second)(IMAGE), second.eval()(IMAGE), rtol=1e-4, atol=1e-5)


def test_twice_is_refused() -> None:
    model = mlp()
    attach(model, X)
    for again in (attach, attach_mask):
        with pytest.raises(ValueError, match="has noise already; sbp.detach"):
            again(model, X)
    attach(detach(model), X)
    with pytest.raises(ValueError, match="Expected a network with noise"):
        noise_of(mlp())


@pytest.mark.parametrize("name", ["mlp", "conv", "residual", "vit", "bert"])
@pytest.mark.parametrize("training", [True, False])
def test_detach_gives_the_network_back_bit_for_bit(name: str, training: bool) -> None:
    build, examples = NETWORKS[name]
    model = build().train(training)
    own = model.register_forward_hook(lambda *_: None)
    if name == "conv":
        model[1].eval()  # type: ignore[index]  # a frozen batch norm stays frozen
    before, inputs, random = copy.deepcopy(model), examples(2), torch.get_rng_state()
    modes = [module.training for module in model.modules()]
    noise = attach(model, inputs, pixels=name in ("mlp", "conv"))
    assert torch.equal(torch.get_rng_state(), random), "attaching draws nothing"
    assert [m.training for n, m in model.named_modules() if not n.startswith("sbp_noise")] == modes
    spread_noise(noise)
    detach(model)
    assert list(model.state_dict()) == list(before.state_dict())
    tensors = zip(model.state_dict().values(), before.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in tensors)
    assert [n for n, _ in model.named_modules()] == [n for n, _ in before.named_modules()]
    hooks = [sum(len(h) for h in (m._forward_pre_hooks, m._forward_hooks)) for m in model.modules()]
    assert hooks == [int(m is model) for m in model.modules()], "the user's own hook stays"
    own.remove()
    assert not any(vars(m)[k] for m in model.modules() for k in vars(m) if k.startswith("_forward_") and "hooks" in k)
    torch.manual_seed(0)
    wanted: Any = before(**inputs) if isinstance(inputs, dict) else before(inputs)
    torch.manual_seed(0)
    found: Any = model(**inputs) if isinstance(inputs, dict) else model(inputs)
    assert torch.equal(getattr(found, "logits", found), getattr(wanted, "logits", wanted))


def test_under_autocast_the_same_groups_are_found() -> None:
    wanted = find_layout(Residual(), IMAGE)
    with torch.autocast("cpu", torch.bfloat16):
        found = find_layout(Residual(), IMAGE)
        assert torch.is_autocast_enabled("cpu"), "the caller's own stays"
    assert found.names == wanted.names
    assert [str(refusal) for refusal in found.refused] == [str(refusal) for refusal in wanted.refused]
