"""Networks from files: the one that was saved comes back, and what does not fit is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sbp.networks.lenet import NoisyNetwork
from sbp.networks.load import LoadError, load_compact, network_of
from sbp.pruning.compact import compact
from sbp.spec import RunConfig
from tests.pruning.networks import DATASET, NAMES, WIDTHS, cases, images_for, random_network

ROOT = Path(__file__).parents[2]


def save_run(network: NoisyNetwork, folder: Path) -> Path:
    """The weights of a run as its worker writes them."""
    save_file(network.state_dict(), path := folder / "model.safetensors")
    return path


def save_compact(network: NoisyNetwork, path: Path) -> Path:
    """A compact network as the export writes it, without what is for people."""
    header = {"network": network.spec_name, "widths": json.dumps(network.widths)}
    save_file(network.state_dict(), path, metadata=header)
    return path


# -- of a run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_runs_network_comes_back_with_its_noise_on(name: str, tmp_path: Path) -> None:
    network = random_network(name, torch.float32).eval()
    for layer in network.noise_layers():
        layer.log_low = -10.0
    config = RunConfig.flat(network=name, dataset=DATASET[name], widths=WIDTHS[name], log_low=-10.0)
    again = network_of(config, save_run(network, tmp_path))
    assert not again.training
    assert all(layer.active and layer.log_low == -10.0 for layer in again.noise_layers())
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
from sbp.networks.load import load_compact
images, small = load_file("images.safetensors"), {path: load_compact(path) for path in sys.argv[1:]}
save_file({p: it(images[it.spec_name]).detach().contiguous() for p, it in small.items()}, "logits.safetensors")
assert not [name for name in sys.modules if name.startswith("sbp.pruning")]
"""


def test_a_fresh_interpreter_reads_compact_networks_without_pruning_code(tmp_path: Path) -> None:
    expected, seen = {}, {}
    for name in NAMES:
        network = random_network(name, torch.float32)
        seen[name] = x = images_for(network)
        for case, masks in cases(network):
            small = compact(network, masks)
            file = f"{name} {case}.safetensors"
            save_compact(small, tmp_path / file)
            expected[file] = small(x).detach()
    save_file(seen, tmp_path / "images.safetensors")
    subprocess.run(
        [sys.executable, "-c", READ, *expected], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True, timeout=120,
    )  # fmt: skip
    logits = load_file(tmp_path / "logits.safetensors")
    assert logits.keys() == expected.keys()
    for file, values in expected.items():
        torch.testing.assert_close(logits[file], values, rtol=0, atol=1e-6, msg=file)


def test_a_bad_file_is_a_sentence(tmp_path: Path) -> None:
    network = random_network("lenet-5-caffe", torch.float32)
    small = compact(network, dict(cases(network))["random 0.5"])
    tensors = small.state_dict()
    good = {"network": small.spec_name, "widths": json.dumps(small.widths)}
    path = tmp_path / "small.safetensors"
    for wrong, header, sentence in (
        (tensors, None, "small.safetensors does not say its network and widths in its header"),
        (tensors, {"network": "lenet-5-caffe"}, "does not say its widths in its header"),
        (tensors, good | {"network": "vgg"}, "does not hold a compact network. name: expected one of lenet-500-300"),
        (tensors, good | {"widths": "many"}, "expected widths like .* got 'many'"),
        (tensors, good | {"widths": "7"}, "expected widths like .* got '7'"),
        (tensors, good | {"widths": "[1, 2]"}, "widths: expected 3 numbers"),
        (tensors, good | {"widths": "[9, 9, 9]"}, "conv1.weight: expected shape"),
        ({"conv1.weight": tensors["conv1.weight"]}, good, "lacks"),
        (network.state_dict(), good, "holds a network before the cut; python -m sbp compact RUN"),
    ):
        save_file(wrong, path, metadata=header)
        with pytest.raises(LoadError, match=sentence):
            load_compact(path)
    path.write_bytes(b"PK\x03\x04 not safetensors at all")
    with pytest.raises(LoadError, match="small.safetensors cannot be read as a safetensors file"):
        load_compact(path)
    with pytest.raises(LoadError, match="There is no file"):
        load_compact(tmp_path / "nowhere.safetensors")
