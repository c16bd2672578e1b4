"""Exported files: a stranger's interpreter, with the lines of the card alone, gets the compact network's logits."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from pages.threshold.files import exported as page_exported
from sbp.compaction.folded import Folded
from sbp.compaction.load import load_compact
from sbp.compaction.run import compact_run
from sbp.export import writers
from sbp.export.files import ExportError, export_bytes, export_run, exported
from sbp.export.formats import FORMATS, Disagreement
from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.noise.install import joint_noise_of, noise_of
from sbp.pruning.masks import Masks
from sbp.spec.networks import SPECS
from tests.made_up import write_run
from tests.pruning.networks import NAMES, WIDTHS, cases, images, images_for, kept_of, random_network
from tests.pruning.runs import cut_wrongly, saved_run

CASES = ("all kept", "random 0.5", "nothing at all")
# Runs each card's lines in a namespace of its own, where nothing of ours can be imported but where the card asks for
# it, and keeps what they leave.
STRANGER = """
import json, sys
if len(sys.argv) > 1:
    sys.path.insert(0, sys.argv[1])
else:
    sys.modules["sbp"] = None
import torch
from safetensors.torch import save_file
kept = {}
for file, lines in json.load(open("lines.json")).items():
    left = {}
    exec(lines, left)
    for name in ("images", "logits"):
        kept[f"{file} {name}"] = torch.as_tensor(left[name]).detach().contiguous()
save_file(kept, "left.safetensors")
"""


def lines_of(card: str) -> str:
    """The one block of Python in a card."""
    (block,) = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)
    return str(block)


def run_as_a_stranger(folder: Path, lines: dict[str, str], with_ours: bool = False) -> dict[str, Tensor]:
    """What the lines leave, run in isolated mode in the folder of the files; with_ours: sbp can be imported."""
    (folder / "lines.json").write_text(json.dumps(lines))
    ours = [str(Path(__file__).parents[2])] if with_ours else []
    subprocess.run([sys.executable, "-I", "-c", STRANGER, *ours], cwd=folder, check=True, timeout=240)
    return load_file(folder / "left.safetensors")


@pytest.mark.parametrize(
    "format", [pytest.param(name, marks=pytest.mark.slow if name == "onnx" else ()) for name in FORMATS]
)
def test_a_stranger_gets_the_same_logits_from_the_lines_of_the_card(
    format: str, runs_root: Path, tmp_path: Path
) -> None:
    networks: dict[str, nn.Module] = {}
    lines: dict[str, str] = {}
    ours: dict[str, str] = {}
    for name in NAMES:
        network = random_network(name, torch.float32)
        for masks_name, masks in cases(network):
            if masks_name in CASES:
                view = saved_run(runs_root, name, network)
                path = export_run(view, tmp_path, format, masks=masks)
                networks[path.name] = Folded(network).cut(masks)
                card = (tmp_path / f"{path.name}.md").read_text(encoding="utf-8")
                needs_ours = format == "safetensors" and not SPECS[name].is_chain
                assert ("this project (`sbp`)" in card) == needs_ours
                assert ("sbp" in lines_of(card).replace(path.name, "")) == needs_ours
                (ours if needs_ours else lines)[path.name] = lines_of(card)
                assert len(lines_of(card).splitlines()) <= 8 + len(SPECS[name].weights)
    assert any("dense1.index" in small.state_dict() for small in networks.values())
    left = run_as_a_stranger(tmp_path, lines)
    left |= run_as_a_stranger(tmp_path, ours, with_ours=True) if ours else {}
    for file, small in networks.items():
        x, logits = left[f"{file} images"], left[f"{file} logits"]
        assert x.shape == (5, *described(small).image)
        expected = small(x).detach()
        tolerance = (1e-5 if format == "onnx" else 1e-6) * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(logits, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_holds_the_runs_own_cut_and_what_it_stands_on(name: str, runs_root: Path, tmp_path: Path) -> None:
    network = random_network(name, torch.float32)
    view = saved_run(runs_root, name, network)
    path = export_run(view, tmp_path / "new" / "folder")
    again, own = load_compact(path), Folded(network).cut()
    torch.testing.assert_close(again(images_for(network)), own(images_for(network)), rtol=0, atol=0)
    with safe_open(str(path), framework="pt") as file:
        header = file.metadata()
    assert header["run"] == view.id
    assert header["choice"] == "SNR >= 1"
    assert json.loads(header["kept"]) == dict(zip(noise_of(network).layout.names, kept_of(network), strict=True))
    assert json.loads(header["config"]) == json.loads(view.config.to_json())
    assert header["card"] == path.with_name(f"{path.name}.md").read_text(encoding="utf-8")
    assert export_bytes(view, "safetensors") == (path.name, path.read_bytes())
    assert export_bytes(view, "card") == (f"{path.name}.md", header["card"].encode())


def test_another_threshold_keeps_other_units(runs_root: Path) -> None:
    network = random_network("lenet-500-300", torch.float32)
    view = saved_run(runs_root, "lenet-500-300", network)
    snr = joint_noise_of(network).snr()
    for threshold in (0.4, 1.0, 4.0):
        cut = compact_run(view.config, view.model_path, threshold)
        assert cut.figures()["kept"] == [int((values >= threshold).sum()) for values in snr.values()]
        assert cut.own == (threshold == 1.0)
        assert cut.choice == f"SNR >= {threshold:g}"
    everything = compact_run(view.config, view.model_path, 1e6).figures()
    assert (everything["kept"], everything["macs"], everything["params"]) == ([0, 0, 0], 0, 10)
    assert everything["macs_reduction"] is None


def test_figures_are_those_counted_by_hand(runs_root: Path) -> None:
    view = saved_run(runs_root, "lenet-5-caffe")
    masks = {name: np.zeros(n, bool) for name, n in (("conv1", 5), ("conv2", 7), ("features", 112), ("dense1", 19))}
    masks["conv1"][:2] = masks["conv2"][[1, 3, 6]] = masks["dense1"][:4] = True
    masks["features"][[16, 17, 50, 111]] = True
    figures = compact_run(view.config, view.model_path, masks=masks).figures()
    assert figures["units"] == [5, 7, 112, 19]
    assert figures["kept"] == [2, 3, 4, 4]
    assert figures["params_dense"] == (25 * 5 + 5) + (25 * 35 + 7) + (112 * 19 + 19) + (190 + 10)
    assert figures["params"] == (25 * 2 + 2) + (25 * 6 + 3) + (4 * 4 + 4) + (40 + 10)
    assert figures["macs_dense"] == 576 * 25 * 5 + 64 * 25 * 35 + 112 * 19 + 190
    assert figures["macs"] == 576 * 25 * 2 + 64 * 25 * 6 + 4 * 4 + 40


def test_agreement_sees_a_network_that_computes_something_else(runs_root: Path) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    cut = compact_run(view.config, view.model_path)
    x = images(40, torch.float32)
    seen = cut.agreement(x)
    assert (seen["images"], seen["equal_predictions"]) == (40, 40)
    assert 0 < seen["largest_difference"] < 1e-5
    with torch.no_grad():
        cut.small.get_parameter("output.bias").copy_(torch.eye(10)[int(cut.masked(x[:1]).argmin())] * 1e3)
    assert cut.agreement(x)["equal_predictions"] < 40
    x[0] = float("nan")
    assert math.isnan(cut.agreement(x)["largest_difference"])


@pytest.mark.parametrize("format", ["safetensors", "torch-export", "card"])
def test_a_network_that_computes_something_else_is_not_exported(
    format: str, runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, refused = saved_run(runs_root, "lenet-500-300"), dict[str, str]()
    cut_wrongly(monkeypatch)
    with pytest.raises(Disagreement) as seen:
        export_bytes(view, format)
    assert view.id in str(seen.value)
    with pytest.raises(Disagreement):
        page_exported(view, format, 1.0, refused)
    assert refused == {view.id: str(seen.value)}
    if format != "card":
        with pytest.raises(Disagreement):
            export_run(view, tmp_path / "new", format)
        assert not (tmp_path / "new").exists()


# -- what cannot be done is said -------------------------------------------------------------------------------


def test_what_cannot_be_exported_is_a_sentence(runs_root: Path, tmp_path: Path) -> None:
    view = saved_run(runs_root, "lenet-500-300")
    fits: Masks = {"input": np.ones(784, bool), "dense1": np.ones(23, bool), "dense2": np.ones(17, bool)}
    for arguments, sentence in (
        ({"format": "pickle"}, "format: expected one of safetensors, onnx, torch-export, got 'pickle'"),
        ({"threshold": 0.0}, "threshold: expected an SNR above 0"),
        ({"threshold": float("nan")}, "threshold: expected an SNR above 0"),
        ({"masks": {"input": np.ones(3, bool)}}, "Expected one value for each unit of each group"),
        ({"threshold": 2.0, "masks": fits}, "expected one of them"),
    ):
        with pytest.raises(ExportError, match=sentence):
            export_run(view, tmp_path, **arguments)
    with pytest.raises(ExportError, match="no weights yet"):
        export_run(write_run(runs_root), tmp_path)
    (view.folder / "config.json").write_text("{")
    with pytest.raises(ExportError, match="config.json"):
        export_run(type(view)(view.folder), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_without_its_packages_onnx_says_what_to_install(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view, found = saved_run(runs_root, "lenet-500-300"), importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name.startswith("onnx") else found(name))
    with pytest.raises(ExportError, match="not installed: pip install onnx onnxscript onnxruntime"):
        export_bytes(view, "onnx")
    assert export_bytes(view, "safetensors")[0].endswith(".safetensors")


def test_an_onnx_file_that_computes_something_else_is_not_written() -> None:
    first, second = (Folded(random_network("lenet-500-300", torch.float32, seed)).cut() for seed in (0, 1))
    content = writers.onnx_bytes(first, {"network": "lenet-500-300"})
    writers._check_onnx(content, first, writers._example(first))
    with pytest.raises(ExportError, match=r"logits differ from torch's by .* the file was not written"):
        writers._check_onnx(content, second, writers._example(second))
    with pytest.raises(ExportError, match="images: expected at least 2, .* got 1"):
        writers.onnx_bytes(first, {}, writers._example(first, 1))


def test_what_a_file_stands_on_is_in_every_format(runs_root: Path) -> None:
    import onnx

    view = saved_run(runs_root, "lenet-5-caffe")
    model = onnx.load_from_string(export_bytes(view, "onnx")[1])
    header = {entry.key: entry.value for entry in model.metadata_props}
    assert (header["run"], header["network"]) == (view.id, "lenet-5-caffe")
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert "# LeNet-5-Caffe for digits, compact" in header["card"]
    assert view.id.encode() in export_bytes(view, "torch-export")[1]


def test_offering_a_download_brings_no_torch() -> None:
    code = "import sys, sbp.export.files; assert not {'torch', 'onnx', 'onnxruntime'} & set(sys.modules)"
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)


def test_a_run_without_noise_on_units_is_cut_where_its_method_removed_them(runs_root: Path) -> None:
    network = build("lenet-500-300", WIDTHS["lenet-500-300"], noise=False)
    mask = noise_of(network)
    mask.set_masks({group.name: torch.arange(group.units) % 3 > 0 for group in mask.groups})
    view = saved_run(runs_root, "lenet-500-300", network, method="ssl")
    file = exported(view)
    assert file.cut.choice == "ssl's own"
    assert file.cut.figures()["kept"] == [522, 15, 11]
    assert file.cut.agreement(images(dtype=torch.float32))["largest_difference"] < 1e-5
    assert "trained with method `ssl`" in file.card
    assert "noise on" not in file.card
    assert "Bayesian" not in file.card
    with pytest.raises(ExportError, match="threshold: the units of a run of ssl have no SNR; leave it out."):
        exported(view, threshold=2.0)
