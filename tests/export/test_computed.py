"""What a page computes by a network's graph is what torch computes, for every network and every kind of mask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from sbp.compaction import masked, masks_of
from sbp.export import computed
from sbp.export.computed import ComputedNetwork, read_network
from sbp.export.graph import graph_bytes
from sbp.networks.describe import described
from sbp.networks.registry import build
from sbp.networks.tensors import file_tensors
from sbp.noise.install import joint_noise_of
from sbp.pruning.masks import propagate
from sbp.spec.graph import shipped_of
from sbp.spec.networks import NETWORKS
from tests.pruning.networks import cases, images_for, random_network


def saved(network: nn.Module, folder: Path) -> Path:
    """The network as the worker saves it."""
    path = folder / "model.safetensors"
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in file_tensors(network).items()}, path)
    return path


def read(network: nn.Module, folder: Path, graph: bytes | None = None) -> ComputedNetwork:
    about = described(network)
    return read_network(saved(network, folder), about, graph or shipped_of(about.name, about.widths) or b"")


@pytest.mark.parametrize("name", NETWORKS)
def test_it_is_the_masked_network(name: str, tmp_path: Path) -> None:
    """By the graph that ships: a network whose modules have changed without it fails here."""
    network = random_network(name, torch.float32, own_widths=True).eval()
    page, x = read(network, tmp_path), images_for(network, 3)
    for case, masks in cases(network):
        closed = propagate(masks, page.groups)
        with torch.no_grad():
            expected = masked(network, masks)(x).numpy()
        found = page.logits(x.numpy(), closed)
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(found / scale, expected / scale, atol=2e-5, err_msg=case)
        assert found.dtype == np.float32
    np.testing.assert_allclose(page.trace(x[0].numpy(), closed)["logits"], found[0], atol=2e-5 * scale)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_group_says_what_its_first_reader_reads(name: str, tmp_path: Path) -> None:
    """x theta is what the layer's own hook sees; divided by theta it is what the graph gives."""
    network = random_network(name, torch.float32, own_widths=True).eval()
    page, noise = read(network, tmp_path), joint_noise_of(network)
    everything = {group.name: np.ones(group.units, bool) for group in page.groups}
    heard: dict[str, torch.Tensor] = {}
    for reader in dict.fromkeys(layer.name for layer in page.description.weights if layer.reads):
        module = network.get_submodule(reader)
        module.register_forward_pre_hook(lambda _, args, reader=reader: heard.__setitem__(reader, args[0]))
    x = images_for(network, 1)
    noise.set_masks(everything)
    with torch.no_grad():
        network(x)
    said = page.trace(x[0].numpy(), everything)
    assert list(said) == [*(group.name for group in page.groups), "logits"]
    for group in page.groups:
        layer = next(layer for layer in page.description.weights if group.name in layer.reads)
        theta = page.theta[group.name]
        if group.parent:
            theta = theta * np.repeat(page.theta[group.parent], group.units // len(page.theta[group.parent]))
        elif len(layer.reads) > 1:  # its features' thetas stand there too
            theta = (page.theta[layer.reads[1]].reshape(group.units, -1) * theta[:, None]).reshape(-1)
        through = heard[layer.name][0].numpy().reshape(len(theta), -1) / theta.reshape(-1, 1)
        mine = said[group.name]
        if group.parent:
            mine = mine / np.repeat(page.theta[group.parent], group.units // len(page.theta[group.parent]))
        scale = max(1.0, float(np.abs(through).max()))
        np.testing.assert_allclose(mine.reshape(-1) / scale, through.reshape(-1) / scale, atol=1e-4, err_msg=group.name)


def test_a_channel_says_its_map(tmp_path: Path) -> None:
    network = random_network("lenet-5-caffe", torch.float32, own_widths=True).eval()
    x = images_for(network, 1)
    page = read(network, tmp_path)
    said = page.trace(x[0].numpy(), {group.name: np.ones(group.units, bool) for group in page.groups})
    weight, bias = (network.get_parameter(f"conv1.{name}") for name in ("weight", "bias"))
    with torch.no_grad():
        expected = functional.max_pool2d(torch.relu(functional.conv2d(x, weight, bias)), 2)
    np.testing.assert_allclose(said["conv1"], expected[0], atol=1e-5)
    assert (said["conv2"].shape, said["features"].shape) == ((50, 4, 4), (800,))


def test_its_own_masks_and_means_are_the_networks(tmp_path: Path) -> None:
    network = random_network("resnet-20", torch.float32, own_widths=True)
    page = read(network, tmp_path)
    means = joint_noise_of(network).by_group(joint_noise_of(network).mean_theta())
    for name, mask in masks_of(network).items():
        np.testing.assert_array_equal(page.own_masks[name], mask)
        np.testing.assert_allclose(page.theta[name], means[name].numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["lenet-5-caffe", "resnet-20"])
def test_pixels_that_no_layer_tells_apart_multiply_the_image(name: str, tmp_path: Path) -> None:
    network = build(name, pixels=True).eval()
    generator = torch.Generator().manual_seed(3)
    noise = joint_noise_of(network)
    with torch.no_grad():
        noise.loc.copy_(torch.rand(noise.loc.shape, generator=generator) * 4 - 3)
        noise.log_scale.copy_(torch.rand(noise.loc.shape, generator=generator) * 6 - 3)
    page, x = read(network, tmp_path), images_for(network, 2)
    assert not page.own_masks["input"].all()
    with torch.no_grad():
        expected = masked(network, page.own_masks)(x).numpy()
    np.testing.assert_allclose(page.logits(x.numpy(), page.own_masks), expected, atol=1e-4)
    assert page.trace(x[0].numpy(), page.own_masks)["input"].shape == (page.groups[0].units,)


def test_other_widths_have_a_graph_of_their_own(tmp_path: Path) -> None:
    network = random_network("lenet-5-caffe", torch.float32).eval()
    about = described(network)
    assert shipped_of(about.name, about.widths) is None
    page, x = read(network, tmp_path, graph_bytes(network)), images_for(network, 5)
    with torch.no_grad():
        expected = masked(network, page.own_masks)(x).numpy()
    np.testing.assert_allclose(page.logits(x.numpy(), page.own_masks), expected, atol=1e-4)


def test_chunks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network("lenet-500-300", torch.float32, own_widths=True).eval()
    page, x = read(network, tmp_path), images_for(network, 7).numpy()
    whole = page.logits(x, page.own_masks)
    monkeypatch.setattr(computed, "CHUNK", 1500)
    np.testing.assert_allclose(page.logits(x, page.own_masks), whole, atol=1e-5)
    assert page.logits(x[:0], page.own_masks).shape == (0, 10)


GROWTH = """
import sys
import numpy as np
from pathlib import Path
from sbp.export.computed import read_network
from sbp.spec.graph import shipped_of
from sbp.spec.networks import SPECS

def resident():
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmRSS")) / 1000

about = SPECS["lenet-5-caffe"]
network = read_network(Path(sys.argv[1]), about, shipped_of(about.name, about.widths))
images = np.zeros((2000, 1, 28, 28), np.float32)
network.trace(images[0], network.own_masks)
before = resident()
network.logits(images, network.own_masks)
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Needs /proc.")
def test_what_a_session_keeps_of_many_images_is_bounded(tmp_path: Path) -> None:
    path = saved(build("lenet-5-caffe"), tmp_path)
    said = subprocess.run([sys.executable, "-c", GROWTH, str(path)], capture_output=True, text=True, check=True)
    assert float(said.stdout) < 150, "MB; four times as many images at once kept 263"


def test_a_file_that_does_not_fit_is_a_sentence(tmp_path: Path) -> None:
    network = random_network("lenet-500-300", torch.float32, own_widths=True)
    path, other = saved(network, tmp_path), described(build("lenet-5-caffe"))
    with pytest.raises(ValueError, match=r"model.safetensors in .*: expected conv1.weight of shape .*, got nothing"):
        read_network(path, other, b"")
    page = read_network(path, described(network), shipped_of("lenet-5-caffe", ()) or b"")
    with pytest.raises(ValueError, match="LeNet-500-300 cannot be computed: its graph and its weights do not fit"):
        page.logits(np.zeros((1, 1, 28, 28), np.float32), page.own_masks)
    path.write_bytes(b"not a safetensors file")
    with pytest.raises(ValueError, match=r"model.safetensors in .* cannot be read"):
        read_network(path, described(network), b"")


def test_neither_torch_nor_a_session_comes_before_something_is_computed() -> None:
    code = "import sys, sbp.export.computed, sbp.runs.graphs; assert not {'torch', 'onnxruntime'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("name", ["vgg-like", "lenet-5-caffe"])
def test_kept_units_alone_compute_the_same_and_others_may_come_back(name: str, tmp_path: Path) -> None:
    network = random_network(name, torch.float32).eval()
    page, x = read(network, tmp_path, graph_bytes(network)), images_for(network, 3).numpy()
    asked: list[tuple[int, ...]] = []

    def graph_at(kept: tuple[int, ...]) -> bytes:
        asked.append(kept)
        return graph_bytes(build(name, kept))

    small = page.kept_alone(graph_at)
    assert all(kept <= width for kept, width in zip(asked[0], described(network).widths, strict=True))
    own, everything = page.own_masks, {group.name: np.ones(group.units, bool) for group in page.groups}
    first = next(name for name, mask in own.items() if mask.sum() > 1)
    by_hand = {**own, first: own[first] & (np.arange(len(own[first])) != own[first].argmax())}
    for masks in (own, by_hand, everything):
        closed = propagate(masks, page.groups)
        np.testing.assert_allclose(small.logits(x, closed), page.logits(x, closed), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.int8])
def test_weights_of_another_type_are_a_sentence(tmp_path: Path, dtype: torch.dtype) -> None:
    network = random_network("lenet-500-300", torch.float32, own_widths=True)
    path = tmp_path / "model.safetensors"
    save_file({name: tensor.detach().to(dtype) for name, tensor in file_tensors(network).items()}, path)
    with pytest.raises(ValueError, match=r"model.safetensors in .*: expected .*float.* got (bfloat16|int8)"):
        read_network(path, described(network), b"")
