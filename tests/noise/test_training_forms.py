"""Training in the forms that people train in: mixed precision, accumulation, functional transforms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from sbp import compact, elbo_loss
from sbp.noise import attach
from sbp.noise.hooks import MultiplyInput
from tests.noise.small import NETWORKS, call, joint, noisy


@pytest.mark.parametrize("name", ["mlp", "conv", "vit"])
def test_autocast_multiplies_in_bf16_and_sums_the_kl_in_float32(name: str) -> None:
    model, examples = noisy(name)
    noise, exact = joint(model), joint(model).kl().item()
    seen: list[torch.dtype] = []
    reader = model.get_submodule(list(noise.layout.reads)[-1])
    reader.register_forward_pre_hook(lambda _, args: seen.append(args[0].dtype))
    weights = {group.name: 0.5 + i for i, group in enumerate(noise.groups)}
    apart = sum(weights[name] * kl.item() for name, kl in noise.kl_per_group().items())
    with torch.autocast("cpu", torch.bfloat16):
        out = call(model, examples(8))
        loss = elbo_loss(torch.nn.functional.cross_entropy(out, torch.zeros(8, dtype=torch.long)), noise, 100)
        one = elbo_loss(torch.zeros(()), noise, 1)
        mixed = elbo_loss(torch.zeros(()), noise, 1, kl_weights=weights)
    assert out.dtype == torch.bfloat16
    assert seen
    assert one.dtype == torch.float32
    assert one.item() == pytest.approx(exact, rel=1e-6)
    assert mixed.item() == pytest.approx(apart, rel=1e-6), "not a dot product in bfloat16"
    loss.backward()
    assert noise.loc.grad is not None
    assert torch.isfinite(noise.loc.grad).all()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        low = call(model.eval(), examples(8)).float()
    with torch.no_grad():
        full = call(model, examples(8))
    assert ((low - full).abs().max() / full.abs().max()).item() < 0.05


def test_a_layer_that_computes_in_bf16_is_not_widened() -> None:
    model, examples = noisy("mlp")
    hook = next(h for h in model[2]._forward_pre_hooks.values() if isinstance(h, MultiplyInput))  # type: ignore[index]
    model(examples(3))
    joint(model)._state.running = True
    [x] = hook(model[2], (torch.ones(3, 16, dtype=torch.bfloat16),))  # type: ignore[index, misc]
    assert x.dtype == torch.bfloat16


def test_channels_last_is_preserved() -> None:
    model, examples = noisy("conv")
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = examples(4).to(memory_format=torch.channels_last)  # type: ignore[union-attr]
    formats: list[bool] = []
    model[3].register_forward_hook(  # type: ignore[index]
        lambda _, args, out: formats.extend(
            t.is_contiguous(memory_format=torch.channels_last) and not t.is_contiguous() for t in (args[0], out)
        )
    )
    for training in (True, False):
        model.train(training)(x)
    assert formats == [True] * 4
    pixels, _ = noisy("conv", pixels=True)
    pixels.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pixels[0].register_forward_pre_hook(  # type: ignore[index]
        lambda _, args: formats.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    pixels(x)
    assert formats[4:] == [True]
    torch.testing.assert_close(model.eval()(x), model(x.contiguous()))


@pytest.mark.parametrize("name", ["mlp", "conv", "residual", "vit", "bert"])
@pytest.mark.parametrize("batch", [0, 1])
def test_batches_of_one_and_of_none(name: str, batch: int) -> None:
    if batch == 0 and name in ("vit", "bert"):
        pytest.skip("transformers' own attention cannot reshape no example")
    model, examples = noisy(name)
    if batch == 0:
        x = examples(1)
        assert isinstance(x, Tensor)
        inputs: Any = x[:0]
        if name == "conv":
            model[1].eval()  # type: ignore[index]  # batch norm itself refuses to train on nothing
    else:
        inputs = examples(1)
    out = call(model, inputs)
    assert len(out) == batch
    (out.square().sum() + joint(model).kl() / 100).backward()
    assert joint(model).loc.grad is not None
    assert torch.isfinite(joint(model).loc.grad).all()  # type: ignore[arg-type]
    with torch.no_grad():
        assert call(model.eval(), inputs).shape == out.shape
        assert call(compact(model), inputs).shape == out.shape


def test_inference_mode_leaves_nothing_behind() -> None:
    model, examples = noisy("mlp")
    x = examples(4)
    assert isinstance(x, Tensor)
    model.eval()
    with torch.inference_mode():
        wanted = model(x)
        with torch.no_grad():
            joint(model).loc.sub_(0.5)
        changed = model(x)
        assert not torch.equal(wanted, changed)
        model.train()(x)
    x.requires_grad_()
    out = model.eval()(x)
    out.sum().backward()  # no tensor of inference mode is in the way
    assert torch.equal(out, changed)
    assert x.grad is not None


def test_functional_call_takes_other_noise() -> None:
    model, examples = noisy("mlp")
    x = examples(4)
    model.eval()
    wanted = model(x)
    for _ in range(5):  # freed tensors give their addresses to the next ones
        for shift in (0.3, 0.6):
            other = {name: p.detach() - shift for name, p in model.named_parameters() if name.endswith("loc")}
            found = functional_call(model, other, (x,))
            del other
            with torch.no_grad():
                joint(model).loc.sub_(shift)
                assert torch.equal(found, model(x))
                joint(model).loc.add_(shift)
    torch.testing.assert_close(model(x), wanted)
    model.train()
    loc = joint(model).loc.detach().clone().requires_grad_()
    functional_call(model, {"sbp_noise.loc": loc}, (x,)).sum().backward()
    assert loc.grad is not None
    assert loc.grad.abs().sum() > 0
    assert joint(model).loc.grad is None


def test_eval_sees_every_write_and_eval_itself_those_through_data() -> None:
    model, examples = noisy("mlp")
    x, noise = examples(4), joint(model)
    outputs = [model.eval()(x)]
    with torch.no_grad():
        noise.loc.sub_(0.5)
    outputs.append(model(x))
    noise.log_scale = nn.Parameter(noise.log_scale - 1)
    outputs.append(model(x))
    with torch.no_grad():
        noise.threshold.fill_(0.0)
    outputs.append(model(x))
    noise.loc.data.sub_(0.5)
    outputs.append(model.eval()(x))
    assert all(not torch.equal(a, b) for i, a in enumerate(outputs) for b in outputs[:i])


def test_functional_transforms_in_eval() -> None:
    model, examples = noisy("mlp")
    x = examples(4)
    assert isinstance(x, Tensor)
    parameters = {name: p.detach() for name, p in model.eval().named_parameters() if not name.startswith("sbp_noise")}

    def loss(parameters: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(model, parameters, (x,)).square().sum()

    grads = torch.func.grad(loss)(parameters, x)
    per_example = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x[:, None])
    for name, gradient in grads.items():
        torch.testing.assert_close(per_example[name].sum(0), gradient, rtol=1e-4, atol=1e-5)
    jacobian = torch.func.jacrev(lambda x: model(x))(x)
    torch.testing.assert_close(jacobian.shape, torch.Size([4, 4, 4, 8]))


def test_two_forward_passes_before_one_backward_pass() -> None:
    """Each pass's gradient is its own theta's: the sum of what the passes give alone."""
    model, examples = noisy("conv")
    x = examples(4)
    model[1].eval()  # type: ignore[index]  # batch norm in training would let the passes differ by more than theta
    alone = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model.zero_grad()
        call(model, x).square().mean().backward()
        alone.append(joint(model).loc.grad.clone())  # type: ignore[union-attr]
    model.zero_grad()
    outs = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        outs.append(call(model, x))
    sum(out.square().mean() for out in outs).backward()  # type: ignore[union-attr]
    torch.testing.assert_close(joint(model).loc.grad, alone[0] + alone[1])
    assert not torch.allclose(alone[0], alone[1])


def test_accumulated_gradients_are_those_of_the_sum() -> None:
    model, examples = noisy("mlp")
    noise, x = joint(model), examples(6)
    assert isinstance(x, Tensor)
    theta = noise.draw(6).detach()
    with noise.using(theta=theta):
        elbo_loss(model(x).square().mean(), noise, 100).backward()
    whole = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    for part in (slice(0, 3), slice(3, 6)):
        with noise.using(theta=theta[part]):
            (elbo_loss(model(x[part]).square().mean(), noise, 100) / 2).backward()
    for one, p in zip(whole, [p for p in model.parameters() if p.grad is not None], strict=True):
        torch.testing.assert_close(p.grad, one)
    noise.zero_grad()
    for _ in range(3):  # the KL may be asked for again and again
        noise.kl().backward()
    three = noise.loc.grad.clone()  # type: ignore[union-attr]
    noise.zero_grad()
    (3 * noise.kl()).backward()
    torch.testing.assert_close(noise.loc.grad, three)


def test_whole_numbers_as_input() -> None:
    model, examples = noisy("bert")
    inputs = examples(3)
    assert isinstance(inputs, dict)
    assert not inputs["input_ids"].is_floating_point()
    first, second = (call(model, inputs) for _ in range(2))
    assert not torch.equal(first, second)
    torch.testing.assert_close(call(model.eval(), inputs), call(compact(model), inputs), rtol=1e-4, atol=1e-5)
    build, _ = NETWORKS["bert"]
    with pytest.raises(ValueError, match="pixels: expected an input of floating-point numbers, got whole ones"):
        attach(build(), inputs, pixels=True)


def test_an_image_of_whole_numbers_is_not_lost() -> None:
    """uint8 times a theta below 1 would be 0, were theta cast to the image's type."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x.float() / 255)

    torch.manual_seed(0)
    model = Scaled().eval()
    image = torch.randint(0, 256, (5, 1, 4, 4), dtype=torch.uint8)
    attach(model, image.float(), pixels=True, init_loc=-1.0)
    torch.testing.assert_close(model(image), model(image.float()))
    assert not torch.allclose(model(image), model(image * 0))


def test_what_does_not_fit_gets_a_sentence() -> None:
    model, examples = noisy("mlp")
    x = examples(4)
    with joint(model).using(theta=torch.ones(3, 28)), pytest.raises(ValueError, match="4 rows where theta .* for 3"):
        model(x)
    with pytest.raises(ValueError, match="a tensor among the network's arguments.* got list"):
        model([x])
    packed = nn.utils.rnn.pack_sequence([torch.zeros(3, 8), torch.zeros(2, 8)])
    with pytest.raises(ValueError, match="PackedSequence has no axis that counts the examples"):
        attach(NETWORKS["mlp"][0](), packed)
    model.add_module("0", nn.Linear(8, 3))  # as another pruner would leave the first of three layers
    with pytest.raises(ValueError, match="cut after sbp.attach"):
        model(x)
