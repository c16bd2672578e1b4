"""torch.compile, torch.export, ONNX and fx see a network with noise as they see any other."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sbp import compact, elbo_loss
from tests.noise.small import call, joint, noisy

# torch's compiler trips over warnings of torch's own.
pytestmark = [
    pytest.mark.slow,  # Inductor compiles for a minute or two
    pytest.mark.filterwarnings("ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "pixels": {"pixels": True},
    "features": {"features": True},
}


@pytest.fixture(autouse=True)
def forget_what_was_compiled() -> None:
    torch._dynamo.reset()


def stepper(model: nn.Module, backend: str) -> Callable[[Tensor], Tensor]:
    """The whole training loss, KL included, in one graph: a graph break is an error."""
    noise = joint(model)

    def loss(x: Tensor) -> Tensor:
        return elbo_loss(model(x).square().mean(), noise, n_train=100)

    return torch.compile(loss, backend=backend, fullgraph=True)


def check_training(model: nn.Module, loss: Callable[[Tensor], Tensor], x: Tensor) -> None:
    noise = joint(model)
    values = []
    for _ in range(3):
        noise.zero_grad()
        value = loss(x)
        value.backward()
        values.append(value.item())
        for parameter in (noise.loc, noise.log_scale):
            assert parameter.grad is not None
            assert torch.isfinite(parameter.grad).all()
            assert (parameter.grad != 0).float().mean() > 0.9
        assert noise._state.parts is not None
    assert np.isfinite(values).all()
    assert len(set(values)) == 3, "theta is drawn afresh in every call"


def test_a_training_step_compiles_whole() -> None:
    model, examples = noisy("conv")
    x = examples(6)
    assert isinstance(x, Tensor)
    check_training(model, stepper(model, "aot_eager"), x)


@pytest.mark.parametrize("name", ["mlp", "residual"])
def test_a_network_compiles_whole_in_training(name: str) -> None:
    """Of a class in torch's own list the hooks are compiled with it, of others they run before what is compiled."""
    model, examples = noisy(name)
    x = examples(6)
    assert isinstance(x, Tensor)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    check_training(model, lambda x: elbo_loss(compiled(x).square().mean(), joint(model), 100), x)


def test_training_compiles_to_machine_code() -> None:
    model, examples = noisy("mlp", pixels=True)
    x = examples(6)
    assert isinstance(x, Tensor)
    check_training(model, stepper(model, "inductor"), x)


def test_what_is_compiled_draws_the_same_distribution() -> None:
    """Mean and standard deviation of log theta over 4,000 draws of each of 28 units, within 5 standard errors.

    The chance of a false alarm is below 28 x 2 x 6e-7 x 2 for a normal deviate, about 1e-4 with the variance's tails.
    """
    torch.manual_seed(1)
    model, _ = noisy("mlp")
    noise = joint(model)
    theta = torch.compile(lambda: noise.draw(4000), backend="aot_eager", fullgraph=True)().detach().double()
    q, n = noise._exact(), 4000
    mean, sd = theta.mean(0), theta.std(0)
    assert ((mean - q.mean).abs() < 5 * q.stddev / n**0.5).all()
    fourth = ((theta - mean) ** 4).mean(0)
    assert ((sd**2 - q.variance).abs() < 5 * ((fourth - sd**4) / n).sqrt()).all()


def test_its_gradients_are_those_of_the_plain_draw() -> None:
    """The same uniforms through both forms: theta, and its derivatives in mu and sigma, in all regimes."""
    from sbp.distributions.quantile import LogQuantile
    from sbp.distributions.traced import TracedLogQuantile

    generator = torch.Generator().manual_seed(0)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-5)):
        loc = (-27 + 34 * torch.rand(300, generator=generator)).to(dtype).requires_grad_()
        scale = (-7 + 11 * torch.rand(300, generator=generator)).exp().to(dtype).requires_grad_()
        low, high = torch.full_like(loc, -20.0).detach(), torch.zeros_like(loc).detach()
        u = torch.rand(50, 300, generator=generator).to(dtype).clamp(min=1e-7)
        weight = torch.rand(50, 300, generator=generator).to(dtype)
        plain, traced = (f.apply(u, loc, scale, low, high) for f in (LogQuantile, TracedLogQuantile))
        torch.testing.assert_close(traced, plain, rtol=tolerance, atol=tolerance)
        for one, other in zip(
            torch.autograd.grad((traced * weight).sum(), (loc, scale)),
            torch.autograd.grad((plain * weight).sum(), (loc, scale)),
            strict=True,
        ):
            torch.testing.assert_close(one, other, rtol=10 * tolerance, atol=10 * tolerance)


def masked_and_compact(name: str, options: str) -> list[tuple[nn.Module, Tensor, Tensor]]:
    """Both forms of one network in eval, with inputs and what they answer."""
    model, examples = noisy(name, **OPTIONS[options])
    x = examples(4)
    assert isinstance(x, Tensor)
    forms = [model.eval(), compact(model)]
    with torch.no_grad():
        return [(form, x, call(form, x)) for form in forms]


CASES = [
    ("mlp", "plain"),
    ("mlp", "pixels"),
    ("conv", "plain"),
    ("conv", "pixels"),
    ("conv", "features"),
    ("residual", "plain"),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_eval_compiles_whole(name: str, options: str) -> None:
    for form, x, wanted in masked_and_compact(name, options):
        compiled = torch.compile(form, fullgraph=True, backend="aot_eager")
        with torch.no_grad():
            assert isinstance(compiled, nn.Module)
            torch.testing.assert_close(call(compiled, x), wanted)


def test_eval_compiles_to_machine_code_and_sees_new_masks() -> None:
    model, x, wanted = masked_and_compact("mlp", "pixels")[0]
    compiled = torch.compile(model, fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), wanted)
        joint(model).set_masks({"0": [True] * 16, "2": [False, True] * 6})
        assert not torch.allclose(model(x), wanted)
        torch.testing.assert_close(compiled(x), model(x))


def test_a_compiled_network_goes_from_training_to_eval_and_back() -> None:
    model, examples = noisy("mlp")
    x, compiled = examples(5), torch.compile(model, fullgraph=True, backend="aot_eager")
    assert isinstance(x, Tensor)
    first = compiled(x)
    model.eval()
    torch.testing.assert_close(compiled(x), model(x))
    model.train()
    assert not torch.equal(compiled(x), first)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_export_gives_the_same(name: str, options: str) -> None:
    for form, x, wanted in masked_and_compact(name, options):
        batch = torch.export.Dim("batch", min=2)
        program = torch.export.export(form, (x,), dynamic_shapes=({0: batch},))
        with torch.no_grad():
            torch.testing.assert_close(call(program.module(), x), wanted)
            twice = torch.cat([x, x])
            torch.testing.assert_close(program.module()(twice), call(form, twice))


@pytest.mark.parametrize(("name", "options"), CASES)
def test_onnx_gives_the_same(name: str, options: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    for form, x, wanted in masked_and_compact(name, options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's own
            torch.onnx.export(form, (x,), tmp_path / "model.onnx", dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
        [found] = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), [case for case in CASES if case != ("conv", "pixels")])
def test_fx_gives_the_same(name: str, options: str) -> None:
    """fx calls no hook of the network's own, so pixels that no layer can leave out are beyond it."""
    for form, x, wanted in masked_and_compact(name, options):
        traced = torch.fx.symbolic_trace(form)
        with torch.no_grad():
            torch.testing.assert_close(traced(x), wanted)


def test_a_transformer_of_others_exports_and_compiles() -> None:
    for form, x, wanted in masked_and_compact("vit", "plain"):
        program = torch.export.export(form, (x,))
        with torch.no_grad():
            torch.testing.assert_close(call(program.module(), x), wanted)
            compiled = torch.compile(form, backend="aot_eager")
            assert isinstance(compiled, nn.Module)
            torch.testing.assert_close(call(compiled, x), wanted)
