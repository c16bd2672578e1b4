"""The NumPy forward pass is the masked network's, for every network and every kind of mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sbp.compaction import masked, masks_of
from sbp.networks import plain
from sbp.pruning.masks import close_masks
from tests.pruning.networks import PLAIN_NAMES, cases, images, random_network


def saved(network: nn.Module, folder: Path) -> Path:
    """The network as the worker saves it."""
    path = folder / "model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


@pytest.fixture(params=PLAIN_NAMES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[nn.Module, plain.PlainNetwork]:
    """A random network of the paper's own widths, in torch and as read back in NumPy."""
    network = random_network(request.param, torch.float32, own_widths=True).eval()
    return network, plain.read_plain(saved(network, tmp_path), request.param, network.layers)


def test_it_is_the_masked_network(pair: tuple[nn.Module, plain.PlainNetwork]) -> None:
    network, read = pair
    x = images(5, torch.float32)
    for name, masks in cases(network):
        closed = close_masks(masks, network.layers)
        with torch.no_grad():
            expected = masked(network, masks)(x).numpy()
        found = plain.logits(read, x[:, 0].numpy(), closed)
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4, err_msg=name)
        assert found.dtype == np.float32
        one = plain.trace(read, x[0, 0].numpy(), closed)
        np.testing.assert_allclose(one["logits"], expected[0], atol=1e-4, rtol=1e-4, err_msg=name)


def test_its_own_masks_and_means_are_the_networks(pair: tuple[nn.Module, plain.PlainNetwork]) -> None:
    network, read = pair
    for name, mask in masks_of(network).items():
        np.testing.assert_array_equal(read.own_masks[name], mask)
        expected = network.noise[name].distribution().mean.detach().numpy()
        np.testing.assert_allclose(read.theta[name], expected, rtol=1e-5)


def test_what_a_channel_says_is_torchs_map(tmp_path: Path) -> None:
    network = random_network("lenet-5-caffe", torch.float32).eval()
    read = plain.read_plain(saved(network, tmp_path), "lenet-5-caffe", network.layers)
    x = images(1, torch.float32)
    everything = {layer.name: np.ones(layer.units, bool) for layer in network.layers}
    said = plain.trace(read, x[0, 0].numpy(), everything)
    with torch.no_grad():
        full = torch.relu(network.conv1(x))
        after = torch.nn.functional.max_pool2d(full, 2)
        second = torch.relu(network.conv2(after * network.noise["conv1"].distribution().mean[None, :, None, None]))
    np.testing.assert_allclose(said["conv1.full"], full[0], atol=1e-5)
    np.testing.assert_allclose(said["conv1"], after[0], atol=1e-5)
    np.testing.assert_allclose(said["conv2.full"], second[0], atol=1e-4)
    assert said["conv2"].shape == (7, 4, 4)


def test_chunks_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network("lenet-5-caffe", torch.float32).eval()
    read = plain.read_plain(saved(network, tmp_path), "lenet-5-caffe", network.layers)
    x = images(7, torch.float32)[:, 0].numpy()
    whole = plain.logits(read, x, read.own_masks)
    monkeypatch.setattr(plain, "CHUNK", 3)
    np.testing.assert_allclose(plain.logits(read, x, read.own_masks), whole, atol=1e-5)
    assert plain.logits(read, x[:0], read.own_masks).shape == (0, 10)


def test_a_file_that_does_not_fit_is_a_sentence(tmp_path: Path) -> None:
    network = random_network("lenet-500-300", torch.float32)
    path = saved(network, tmp_path)
    with pytest.raises(ValueError, match="expected noise.conv1.loc of shape .*, got nothing"):
        plain.read_plain(path, "lenet-5-caffe", random_network("lenet-5-caffe").layers)
    path.write_bytes(b"not a safetensors file")
    with pytest.raises(ValueError, match=r"model.safetensors in .* cannot be read"):
        plain.read_plain(path, "lenet-500-300", network.layers)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="VGG-like is too large to be computed on a page"):
        plain.read_plain(path, "vgg-like", random_network("vgg-like").layers)
    with pytest.raises(ValueError, match="Expected one of lenet-500-300"):
        plain.read_plain(path, "vgg", network.layers)
