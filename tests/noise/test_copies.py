"""A network's output stays the same when it is saved, loaded, copied, pickled and cast."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor, nn

from sbp import compact
from sbp.noise import attach, detach
from tests.noise.small import NETWORKS, Inputs, call, joint, noisy

NAMES = ["mlp", "conv", "vit"]
ENDS = {"log_low": -12.0, "log_high": 0.5, "threshold": 1.7}


def answers(model: nn.Module, inputs: Inputs) -> Tensor:
    with torch.no_grad():
        return call(model.eval(), inputs)


def decided(name: str) -> tuple[nn.Module, Callable[[int], Inputs]]:
    """A network whose a, b, threshold, mu, sigma and masks are all others than a fresh one's."""
    model, examples = noisy(name, **ENDS)
    noise = joint(model)
    group = noise.groups[0]
    noise.set_masks({group.name: torch.arange(group.units) % 3 > 0})
    return model, examples


def fresh(name: str) -> nn.Module:
    """The same architecture with other weights and the defaults of the noise."""
    torch.manual_seed(7)
    build, examples = NETWORKS[name]
    model = build()
    attach(model, examples(2))
    return model


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_carries_everything_that_decides_the_output(name: str, tmp_path: Path) -> None:
    model, examples = decided(name)
    wanted = answers(model, examples(3))
    for change in ("log_low", "threshold", "decided", "loc", "log_scale"):  # each of them does decide
        other = copy.deepcopy(model)
        getattr(joint(other), change).data.zero_().add_({"threshold": 1e6, "decided": 1}.get(change, -3.0))
        assert not torch.equal(answers(other, examples(3)), wanted), change
    loaded = fresh(name)
    assert not torch.allclose(answers(loaded, examples(3)), wanted)
    loaded.load_state_dict(model.state_dict())
    assert torch.equal(answers(loaded, examples(3)), wanted)
    assert joint(loaded).keep_units().tolist() == joint(model).keep_units().tolist()
    torch.save(model.state_dict(), tmp_path / "model.pt")
    again = fresh(name)
    again.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True), assign=True)
    assert torch.equal(answers(again, examples(3)), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_safetensors_carry_it_too(name: str, tmp_path: Path) -> None:
    model, examples = decided(name)
    wanted = answers(model, examples(3))
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, tmp_path / "a.safetensors")
    loaded = fresh(name)
    loaded.load_state_dict(load_file(tmp_path / "a.safetensors"))
    assert torch.equal(answers(loaded, examples(3)), wanted)
    save_model(model, str(tmp_path / "b.safetensors"))
    again = fresh(name)
    assert load_model(again, tmp_path / "b.safetensors") == (set(), [])
    assert torch.equal(answers(again, examples(3)), wanted)


def test_masks_that_were_loaded_hold_in_training_too() -> None:
    model, _examples = decided("mlp")
    loaded = fresh("mlp").train()
    loaded.load_state_dict(model.state_dict())
    theta = joint(loaded).draw(20)
    pruned = joint(loaded).decided == 0
    assert (theta[:, pruned] == 0).all()
    assert (theta[:, ~pruned] > 0).all()


def test_a_network_compiled_after_loading_sees_what_was_loaded() -> None:
    """A tracer takes `eval_factor` as it is: loading and masks must have brought it up to date."""
    model, _ = decided("mlp")
    loaded = fresh("mlp").eval()
    loaded.load_state_dict(model.state_dict())
    assert torch.equal(joint(loaded).eval_factor, joint(model).expected_theta().float())
    joint(loaded).set_masks({group.name: [False] * group.units for group in joint(loaded).groups})
    assert not joint(loaded).eval_factor.any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("when", ["before", "in training with a live theta", "after a backward pass", "in eval"])
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_answer_the_same_and_are_apart(name: str, when: str, how: str) -> None:
    model, examples = decided(name)
    if when == "in eval":
        answers(model, examples(3))
    elif when != "before":
        loss = call(model, examples(3)).square().sum()
        if when == "after a backward pass":
            loss.backward()
    copied = copy.deepcopy(model) if how == "deepcopy" else pickle.loads(pickle.dumps(model))
    training, originals = copied.training, {id(t) for t in (*model.parameters(), *model.buffers())}
    assert training == model.training
    assert not originals & {id(t) for t in (*copied.parameters(), *copied.buffers())}
    torch.manual_seed(3)
    first = call(copied.train(), examples(3))
    torch.manual_seed(3)
    assert torch.equal(first, call(model.train(), examples(3)))
    wanted = answers(model, examples(3))
    assert torch.equal(answers(copied, examples(3)), wanted)
    with torch.no_grad():
        joint(copied).loc.sub_(3)
        joint(copied).set_masks(None)
    assert torch.equal(answers(model, examples(3)), wanted), "the copy's noise is the copy's own"
    assert not torch.allclose(answers(copied, examples(3)), wanted)
    assert torch.equal(answers(detach(copy.deepcopy(model)), examples(3)), answers(detach(copied), examples(3)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_draws_and_judges_in_float32(name: str, dtype: torch.dtype) -> None:
    model, examples = noisy(name, log_low=-3.83, log_high=0.7)
    keep, kl = joint(model).keep_units(), joint(model).kl()
    model.to(dtype)
    noise = joint(model)
    inputs = examples(4).to(dtype)  # type: ignore[union-attr]
    for training in (True, False):
        out = call(model.train(training), inputs)
        assert out.dtype == dtype
        assert torch.isfinite(out).all()
    assert noise.log_low.dtype == noise.threshold.dtype == noise.eval_factor.dtype == torch.float32
    assert float(noise.log_low[0]) == pytest.approx(-3.83, abs=1e-6), "a is not rounded with the weights"
    assert noise.kl().dtype == torch.float32
    assert noise.kl().item() == pytest.approx(kl.item(), rel=3e-3)  # mu is rounded to 8 or 11 bits
    assert (noise.keep_units() == keep).float().mean() > 0.95
    (call(model.train(), inputs).float().square().mean() + noise.kl() / 100).backward()
    assert noise.loc.grad is not None
    assert noise.loc.grad.dtype == dtype
    assert torch.isfinite(noise.loc.grad).all()
    noise.project_()
    assert compact(model).eval() is not None


def test_a_unit_far_outside_draws_in_half_precision() -> None:
    """mu = -23 and log sigma = -6: the far tail, where bfloat16 has no digit of anything."""
    model, _examples = noisy("mlp", init_loc=-23.0, init_log_scale=-6.0)
    model.to(torch.bfloat16)
    with torch.no_grad():
        joint(model).loc.fill_(-23.0)
        joint(model).log_scale.fill_(-6.0)
    theta = joint(model).draw(200)
    assert theta.dtype == torch.float32
    assert torch.isfinite(theta).all()
    assert theta.log().min() >= -20 - 1e-4
    assert torch.isfinite(joint(model).kl())


@pytest.mark.parametrize("attach_first", [True, False])
def test_a_network_in_float64_is_multiplied_in_float64(attach_first: bool) -> None:
    torch.manual_seed(0)
    build, examples = NETWORKS["conv"]
    model = build() if attach_first else build().double()
    x = examples(5)
    assert isinstance(x, Tensor)
    noise = attach(model, x if attach_first else x.double(), init_log_scale=-0.7)
    model.double()
    assert noise.loc.dtype == noise.eval_factor.dtype == torch.float64
    with torch.no_grad():
        noise.loc.copy_(torch.linspace(-4, 0, len(noise.loc)).double())
    whole, small = answers(model, x.double()), answers(compact(model), x.double())
    assert float((whole - small).abs().max() / whole.abs().max()) < 1e-13


def test_moving_there_and_back_changes_nothing() -> None:
    model, examples = decided("conv")
    wanted = answers(model, examples(3))
    assert torch.equal(answers(model.double().float(), examples(3)), wanted)
    assert torch.equal(answers(model.to("cpu"), examples(3)), wanted)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    empty = copy.deepcopy(model).to("meta")
    assert {name: tensor.shape for name, tensor in empty.eval().state_dict().items()} == shapes
    empty.to_empty(device="cpu").load_state_dict(model.state_dict())
    assert torch.equal(answers(empty, examples(3)), wanted)
