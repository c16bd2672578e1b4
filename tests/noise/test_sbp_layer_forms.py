"""The SBP layer in the forms that users bring: other types and patterns, saved, compiled and exported."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from sbp import SBPLayer


def network(**options: object) -> nn.Module:
    """A small network with two layers of noise, one unit of each decided from outside."""
    torch.manual_seed(0)
    first, second = SBPLayer(4, **options), SBPLayer(16, **options)  # type: ignore[arg-type]
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), first, nn.Flatten(), second, nn.Linear(16, 3))
    with torch.no_grad():
        for layer in (first, second):
            layer.loc.copy_(torch.linspace(-2, 0, layer.units))
            layer.log_scale.copy_(torch.linspace(2, -2, layer.units))
    return model


X = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"log_low": 0.0, "log_high": -20.0}, "expected finite a < b, got a = 0.0, b = -20.0"),
        ({"log_low": -1.0, "log_high": -1.0}, "expected finite a < b"),
        ({"log_low": float("-inf")}, "expected finite a < b"),
        ({"log_high": float("nan")}, "expected finite a < b"),
        ({"threshold": float("nan")}, "threshold: expected an SNR of at least 0, got nan"),
        ({"threshold": -1.0}, "threshold"),
        ({"init_loc": float("nan")}, "expected finite numbers"),
        ({"axis": 0}, "axis: .* got 0"),
        ({"axis": 1.5}, "axis: .* got 1.5"),
        ({"groups": [True, False, True]}, "groups: expected whole numbers from 0 to 2"),
        ({"groups": []}, r"groups: .* got \[\]"),
        ({"groups": [[0, 1], [2]]}, r"groups: .* got \[\[0, 1\], \[2\]\]"),
        ({"groups": "abc"}, "groups: .* got 'abc'"),
        ({"groups": [0.0, 1.0]}, "groups: expected whole numbers"),
        ({"groups": [0, 3]}, "groups: .* got 0 to 3"),
        ({"groups": [-1, 0]}, "groups: .* got -1 to 0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_construction(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SBPLayer(3, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("units", [0, 2.5, "3"])
def test_no_unit_is_refused(units: Any) -> None:
    with pytest.raises(ValueError, match=f"units: .* got {units!r}"):
        SBPLayer(units)


def test_inputs_that_do_not_fit_get_a_sentence() -> None:
    for axis in (2, 5, -3):
        with pytest.raises(ValueError, match=f"3 units on axis {axis}, got shape"):
            SBPLayer(3, axis=axis)(torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"axis 1, got shape \(\)"):
        SBPLayer(3)(torch.tensor(1.0))
    with pytest.raises(ValueError, match=r"got shape \(3, 3\)"):  # axis -2 is the examples'
        SBPLayer(3, axis=-2)(torch.ones(3, 3))
    with pytest.raises(ValueError, match=r"shape \(4,\).* shape \(2, 3\)"):
        SBPLayer(3, groups=[0, 1, 2, 2])(torch.ones(2, 3))
    given: Any
    for given, remedy in ((pack_sequence([torch.ones(2, 3)]), "PackedSequence; unpack it"), ([1.0], "list; convert")):
        with pytest.raises(ValueError, match=remedy):
            SBPLayer(3)(given)
    with pytest.raises(ValueError, match=r"keep: expected shape \[3\]"):
        SBPLayer(3).keep_only(torch.ones(2, dtype=torch.bool))


@pytest.mark.parametrize(
    "groups", [[0, 1, 1], np.array([0, 1, 1]), torch.tensor([0, 1, 1], dtype=torch.uint8), torch.tensor([0, 1, 1])]
)
def test_groups_may_come_in_any_form(groups: object) -> None:
    layer = SBPLayer(2, groups=groups, init_log_scale=0.0)
    theta = layer(torch.ones(6, 3))
    assert torch.equal(theta[:, 1], theta[:, 2])
    assert not torch.equal(theta[:, 0], theta[:, 1])


def test_the_last_axis_may_count_the_units() -> None:
    layer = SBPLayer(3, axis=-1, init_log_scale=0.0)
    theta = layer(torch.ones(4, 5, 3))
    assert torch.equal(theta, theta[:, :1].expand_as(theta))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype: torch.dtype) -> None:
    layer = SBPLayer(4, log_low=-3.83, log_high=0.5, init_loc=-23.0, init_log_scale=-6.0).to(dtype)
    out = layer(torch.ones(8, 4, dtype=dtype))
    assert out.dtype == dtype
    assert torch.isfinite(out).all()
    assert torch.isfinite(layer.kl())
    assert layer.kl().dtype == torch.float32
    assert layer.limits.tolist() == pytest.approx([-3.83, 0.5, 1.0])
    (out.float().sum() + layer.kl()).backward()
    assert torch.isfinite(layer.loc.grad).all()  # type: ignore[arg-type]
    assert layer.eval()(torch.ones(1, 4, dtype=dtype)).dtype == dtype


def test_whole_numbers_are_promoted() -> None:
    layer = SBPLayer(3).eval()
    image = torch.full((2, 3), 255, dtype=torch.uint8)
    torch.testing.assert_close(layer(image), layer(image.float()))


def test_state_dict_carries_masks_threshold_and_ends() -> None:
    model = network(log_low=-12.0, log_high=0.5, threshold=2.5)
    model[2].keep_only(torch.tensor([True, True, False, False]))  # type: ignore[index]
    wanted = model.eval()(X)
    loaded = network().eval()
    assert not torch.allclose(loaded(X), wanted)
    loaded.load_state_dict(model.state_dict())
    torch.testing.assert_close(loaded(X), wanted)
    assert (loaded[2].log_low, loaded[2].log_high, loaded[2].threshold) == (-12.0, 0.5, 2.5)  # type: ignore[index]
    loaded.load_state_dict(network().state_dict())
    assert loaded[2].keep_override is None, "masks go with what is loaded"  # type: ignore[index]


def test_files_from_before_hold_mu_and_sigma_alone_and_load() -> None:
    model = network(log_low=-12.0, threshold=2.0).eval()
    old = {k: v for k, v in network().state_dict().items() if not k.endswith(("limits", "keep_override"))}
    assert set(old) < set(model.state_dict())
    model.load_state_dict(old)
    assert (model[2].log_low, model[2].threshold) == (-12.0, 2.0)  # type: ignore[index]
    assert torch.equal(model[2].loc, old["2.loc"])  # type: ignore[index]
    with pytest.raises(RuntimeError, match="2.loc"):
        model.load_state_dict({k: v for k, v in old.items() if k != "2.loc"})


def test_copies_answer_the_same() -> None:
    model = network()
    model(X)
    copied = copy.deepcopy(model).eval()
    assert torch.equal(copied(X), model.eval()(X))


@pytest.mark.slow  # traces, compiles and exports, each by two ways
@pytest.mark.parametrize("groups", [False, True])
def test_tracers_see_a_constant_in_eval(groups: bool, tmp_path: Path) -> None:
    model = network(**({"groups": [0, 1, 2, 3]} if groups else {}))
    if groups:
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), model[2], nn.ReLU())  # type: ignore[index]
    wanted = model.eval()(X).detach()
    with torch.no_grad():
        torch.testing.assert_close(torch.fx.symbolic_trace(model)(X), wanted)
        compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(compiled(X), wanted)
        torch.testing.assert_close(torch.export.export(model, (X,)).module()(X), wanted)
    onnxruntime = pytest.importorskip("onnxruntime")
    for dynamo in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporters' own
            torch.onnx.export(model, (X,), str(tmp_path / "model.onnx"), dynamo=dynamo, verbose=False)
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
        [found] = session.run(None, {session.get_inputs()[0].name: X.numpy()})
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


def test_fx_in_training_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="in eval only; call eval"):
        torch.fx.symbolic_trace(network().train())


def test_training_compiles_whole() -> None:
    model = network()

    def loss(x: Tensor) -> Tensor:
        return model(x).square().mean()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own
        compiled = torch.compile(loss, backend="aot_eager", fullgraph=True)
        first, second = compiled(X), compiled(X)
        first.backward()
    assert first.item() != second.item()
    assert model[2].loc.grad.abs().sum() > 0  # type: ignore[index]
