"""Networks from files: the one that was saved comes back, and what does not fit is a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sbp.compaction import compact
from sbp.compaction.folded import Folded
from sbp.compaction.load import LoadError, load_compact
from sbp.compaction.weights import network_of
from sbp.networks.describe import described
from sbp.networks.registry import build_bare
from sbp.noise.install import joint_noise_of
from sbp.spec import RunConfig
from tests.pruning.networks import DATASET, NAMES, WIDTHS, cases, images_for, random_network
from tests.pruning.runs import save_run

ROOT = Path(__file__).parents[2]


def save_compact(network: nn.Module, path: Path) -> Path:
    """A compact network as the export writes it, without what is for people."""
    save_file(network.state_dict(), path, metadata={"network": described(network).name})
    return path


# -- of a run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_runs_network_comes_back_with_its_noise_on(name: str, tmp_path: Path) -> None:
    network = random_network(name, torch.float32).eval()
    joint_noise_of(network).log_low.fill_(-10.0)
    config = RunConfig.flat(network=name, dataset=DATASET[name], widths=WIDTHS[name], log_low=-10.0)
    again = network_of(config, save_run(network, tmp_path))
    noise = joint_noise_of(again)
    assert not again.training
    assert noise.mode == "auto"
    assert (noise.log_low == -10.0).all()
    torch.testing.assert_close(again(images_for(network)), network(images_for(network)), rtol=0, atol=0)


def test_a_run_without_weights_says_when_there_will_be_some(tmp_path: Path) -> None:
    for path in (None, tmp_path / "model.safetensors"):
        with pytest.raises(LoadError, match="no weights yet; they are saved with its first checkpoint"):
            network_of(RunConfig(), path)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    path = save_run(random_network("lenet-500-300", torch.float32), tmp_path)
    with pytest.raises(LoadError, match=r"weights of lenet-500-300 with widths \[500, 300\]: dense1.bias, .* are"):
        network_of(RunConfig(), path)
    with pytest.raises(LoadError, match="weights of lenet-5-caffe with widths"):
        network_of(RunConfig.flat(network="lenet-5-caffe"), path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(LoadError, match="model.safetensors cannot be read as a safetensors file"):
        network_of(RunConfig(), path)


# -- compact ---------------------------------------------------------------------------------------------------

READ = """
import sys
from safetensors.torch import load_file, save_file
from sbp.compaction.load import load_compact
from sbp.networks.describe import described
images, small = load_file("images.safetensors"), {path: load_compact(path) for path in sys.argv[1:]}
logits = {p: it(images[described(it).name]).detach().contiguous() for p, it in small.items()}
save_file(logits, "logits.safetensors")
assert not [name for name in sys.modules if name.startswith("sbp.pruning")]
"""


def test_a_fresh_interpreter_reads_compact_networks_without_pruning_code(tmp_path: Path) -> None:
    expected, seen = {}, {}
    for name in NAMES:
        network = random_network(name, torch.float32)
        seen[name] = x = images_for(network)
        folded = Folded(network)
        for case, masks in cases(network):
            for how, small in (("folded", folded.cut(masks)), ("compact", compact(network, masks))):
                file = f"{name} {how} {case}.safetensors"
                save_compact(small, tmp_path / file)
                expected[file] = small(x).detach()
    save_file(seen, tmp_path / "images.safetensors")
    subprocess.run(
        [sys.executable, "-c", READ, *expected],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=240,
    )
    logits = load_file(tmp_path / "logits.safetensors")
    assert logits.keys() == expected.keys()
    for file, values in expected.items():
        torch.testing.assert_close(logits[file], values, rtol=0, atol=1e-6, msg=file)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_into_the_dense_network_that_one_gives(name: str, tmp_path: Path) -> None:
    network = random_network(name, torch.float32)
    small = compact(network, dict(cases(network))["random 0.5"])
    save_file(small.state_dict(), path := tmp_path / "small.safetensors")
    dense = build_bare(name, WIDTHS[name])
    again = load_compact(path, dense)
    assert again is dense
    assert not again.training
    assert [(name, tensor.shape) for name, tensor in again.named_parameters()] == [
        (name, tensor.shape) for name, tensor in small.named_parameters()
    ]
    torch.testing.assert_close(again(images_for(network)), small(images_for(network)), rtol=0, atol=0)


def test_a_file_of_before_names_its_selection_after_the_features(tmp_path: Path) -> None:
    """As exports up to 2.0 wrote it: noise.features.index, the layer that reads them a plain one."""
    network = random_network("lenet-5-caffe", torch.float32)
    small = Folded(network).cut(dict(cases(network))["random 0.5"])
    tensors = small.state_dict()
    old = {"noise.features.index" if name == "dense1.index" else name: tensor for name, tensor in tensors.items()}
    assert old.keys() != tensors.keys()
    save_file(old, path := tmp_path / "small.safetensors", metadata={"network": "lenet-5-caffe", "widths": "[3, 4, 9]"})
    torch.testing.assert_close(load_compact(path)(images_for(network)), small(images_for(network)), rtol=0, atol=0)


def bad_tensors() -> list[tuple[str, dict[str, Tensor], str]]:
    """Tensors by what is wrong with them, and what is said of it."""
    network = random_network("lenet-5-caffe", torch.float32)
    tensors = Folded(network).cut(dict(cases(network))["random 0.5"]).state_dict()
    wide, index = tensors["conv1.weight"], tensors["dense1.index"]
    more = torch.cat([wide, wide])
    twice = torch.cat([tensors["conv1.bias"]] * 2)
    return [
        ("one alone", {"conv1.weight": wide}, "lacks conv1.bias"),
        ("one less", {k: v for k, v in tensors.items() if k != "conv2.bias"}, "lacks conv2.bias"),
        ("one more", tensors | {"conv3.weight": wide}, "no place for conv3.weight"),
        ("no tensor's name", tensors | {"conv1.training": torch.ones(1)}, "no place for conv1.training"),
        ("another kind", tensors | {"conv1.weight": wide.double()}, "conv1.weight: expected 4 dimensions of"),
        ("another kernel", tensors | {"conv1.weight": wide[..., :3]}, "conv1.weight: expected kernels of"),
        ("its bias", tensors | {"conv1.weight": more}, "conv1.bias: expected shape"),
        ("what it reads", tensors | {"conv1.weight": more, "conv1.bias": twice}, "conv2.weight: expected .* inputs"),
        (
            "classes",
            tensors | {"output.weight": tensors["output.weight"][:9], "output.bias": torch.zeros(9)},
            "output.weight: expected 10 outputs, got 9",
        ),
        ("nothing", tensors | {"conv1.weight": wide[:0], "conv1.bias": twice[:0]}, "at least one entry"),
        ("a far index", tensors | {"dense1.index": index + 700}, "dense1.index: expected places below"),
        ("an index outside", tensors | {"dense1.index": index + 999}, "dense1.index: expected different places from 0"),
        ("an index twice", tensors | {"dense1.index": index * 0}, "dense1.index: expected different places from 0"),
        ("no whole index", tensors | {"dense1.index": index.float()}, "dense1.index: expected different places from 0"),
        ("fewer places", tensors | {"dense1.index": index[1:]}, "dense1.weight: expected .* columns"),
        ("no dense layer", tensors | {"conv1.index": index}, "no dense layer conv1"),
    ]


BAD = bad_tensors()


@pytest.mark.parametrize(("tensors", "sentence"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_tensors_that_do_not_fit_are_a_sentence(tensors: dict[str, Tensor], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    save_file({k: v.clone().contiguous() for k, v in tensors.items()}, path, metadata={"network": "lenet-5-caffe"})
    with pytest.raises(LoadError, match=f"small.safetensors does not hold a compact network.*{sentence}"):
        load_compact(path)


@pytest.mark.parametrize("leaf", ["weight", "running_var"])
def test_a_normalisation_that_does_not_fit_is_a_sentence(leaf: str, tmp_path: Path) -> None:
    network = random_network("resnet-20", torch.float32)
    tensors = compact(network, dict(cases(network))["random 0.9"]).state_dict()
    tensors[f"norm.{leaf}"] = tensors[f"norm.{leaf}"][1:].contiguous()
    save_file(tensors, path := tmp_path / "small.safetensors", metadata={"network": "resnet-20"})
    with pytest.raises(LoadError, match="norm: expected tensors of one length"):
        load_compact(path)


def test_a_file_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    network = random_network("lenet-5-caffe", torch.float32)
    tensors = compact(network, dict(cases(network))["random 0.5"]).state_dict()
    path = tmp_path / "small.safetensors"
    save_file(tensors, path)
    with pytest.raises(LoadError, match="small.safetensors does not say its network in its header"):
        load_compact(path)
    save_file(tensors, path, metadata={"network": "vgg"})
    with pytest.raises(LoadError, match=r"does not hold a compact network. Expected one of lenet-500-300"):
        load_compact(path)
    save_run(network, tmp_path).rename(path)
    save_file(load_file(path), path, metadata={"network": "lenet-5-caffe"})
    with pytest.raises(LoadError, match="holds a network before the cut; python -m sbp compact RUN"):
        load_compact(path)
    path.write_bytes(b"PK\x03\x04 not safetensors at all")
    with pytest.raises(LoadError, match="small.safetensors cannot be read as a safetensors file"):
        load_compact(path)
    with pytest.raises(LoadError, match="There is no file"):
        load_compact(tmp_path / "nowhere.safetensors")
