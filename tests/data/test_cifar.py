"""CIFAR-10: binary files and array files give the same images, and what is not the published ones is a sentence."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.data import cifar, datasets
from sbp.data.datasets import DataError, load, prepare
from sbp.spec import ConfigError, DataConfig, RunConfig
from sbp.spec.images import IMAGES
from tests.data.mirrors import Mirrors

N = 4  # images a file of the tiny set


def tiny_arrays() -> tuple[np.ndarray, np.ndarray]:
    """Images [24, 32, 32, 3] and labels in the official order."""
    random = np.random.default_rng(5)
    shape = (6 * N, 32, 32, 3)
    return random.integers(0, 256, shape, dtype=np.uint8), random.integers(0, 10, 6 * N).astype(np.uint8)


def binary(images: np.ndarray, labels: np.ndarray) -> bytes:
    """The records of these images, byte by byte as the data set's page describes them."""
    content = b""
    for image, label in zip(images, labels, strict=True):
        content += bytes([label])
        for colour in range(3):
            content += bytes(int(image[row, column, colour]) for row in range(32) for column in range(32))
    return content


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    images, labels = tiny_arrays()
    parts = (slice(N * k, N * k + N) for k in range(6))
    return {file.name: binary(images[part], labels[part]) for file, part in zip(cifar.FILES, parts, strict=True)}


@pytest.fixture
def trusted(contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Makes the checksums those of the tiny set, so that it counts as the published one."""
    files = tuple(
        replace(file, sha256=hashlib.sha256(contents[file.name]).hexdigest(), images=N) for file in cifar.FILES
    )
    monkeypatch.setattr(cifar, "FILES", files)
    return contents


@pytest.fixture
def root(trusted: dict[str, bytes], tmp_path: Path) -> Path:
    """A folder with the six tiny files."""
    folder = tmp_path / "sets" / cifar.FOLDER
    folder.mkdir(parents=True)
    for name, content in trusted.items():
        (folder / name).write_bytes(content)
    return folder.parent


def test_binary_files_are_read_as_they_were_written(root: Path) -> None:
    images, labels = tiny_arrays()
    found = load("cifar-10", root, download=False)
    assert found.train_images.shape == (5 * N, 3, 32, 32)
    assert (found.train_images.dtype, found.train_labels.dtype) == (torch.uint8, torch.int64)
    np.testing.assert_array_equal(found.train_images.numpy(), images[: 5 * N].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(found.test_images.numpy(), images[5 * N :].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(torch.cat([found.train_labels, found.test_labels]).numpy(), labels)
    assert found.source == f"CIFAR-10, 20 training and 4 test images, read from {root / cifar.FOLDER}."


@pytest.mark.parametrize("cuts", [(), (7, 15)], ids=["one file", "three files"])
def test_array_files_hold_the_same_images(trusted: dict[str, bytes], tmp_path: Path, cuts: tuple[int, ...]) -> None:
    images, labels = tiny_arrays()
    pieces = list(zip(np.split(images, cuts), np.split(labels, cuts), strict=True))
    for number, (x, y) in enumerate(pieces):
        np.savez(tmp_path / ("cifar-10.npz" if not cuts else f"cifar-10-{number}.npz"), x=x, y=y)
    found = load("cifar-10", tmp_path, download=False)
    np.testing.assert_array_equal(found.train_images.numpy(), images[: 5 * N].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(found.test_labels.numpy(), labels[5 * N :])
    assert ".npz" in found.source
    np.testing.assert_array_equal(datasets.read_part("cifar-10", "test", tmp_path)[0], found.test_images.numpy())


def test_array_files_are_joined_test_last(trusted: dict[str, bytes], tmp_path: Path) -> None:
    images, labels = tiny_arrays()
    for name, part in (("train", slice(0, 5 * N)), ("test", slice(5 * N, None))):
        np.savez(tmp_path / f"cifar-10-{name}.npz", x=images[part], y=labels[part])
    np.testing.assert_array_equal(load("cifar-10", tmp_path, download=False).test_labels.numpy(), labels[5 * N :])


def test_a_part_needs_its_own_files_alone(root: Path) -> None:
    (root / cifar.FOLDER / "test_batch.bin").unlink()
    images, labels = datasets.read_part("cifar-10", "train", root)
    assert (images.shape, images.dtype, len(labels)) == ((5 * N, 3, 32, 32), np.uint8, 5 * N)
    with pytest.raises(DataError, match="test_batch.bin is missing"):
        datasets.read_part("cifar-10", "test", root)


def test_what_a_network_is_given_is_normalised_by_channel(root: Path) -> None:
    whole = load("cifar-10", root, download=False)
    split = prepare(whole, DataConfig(train_size=6, validation_size=5))
    assert (split.n_train, split.n_validation) == (6, 5)
    about = IMAGES["cifar-10"]
    for channel in range(3):
        x = whole.train_images[:6, channel].double() / 255
        expected = (x - about.mean[channel]) / about.deviation[channel]
        torch.testing.assert_close(split.train_x[:, channel].double(), expected, rtol=1e-5, atol=1e-6)
    assert split.test_x.dtype == torch.float32
    assert split.test_x.shape == (N, 3, 32, 32)
    assert whole.train_images.dtype == torch.uint8


def test_the_archive_is_downloaded_and_unpacked(
    trusted: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {"../outside.bin": b"no", **trusted}.items():
            entry = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    mirrors = Mirrors({"tiny.tar.gz": packed.getvalue()})
    try:
        sha256 = hashlib.sha256(packed.getvalue()).hexdigest()
        good = cifar.Archive("tiny.tar.gz", sha256, mirrors.at("wrong", "good"))
        monkeypatch.setattr(cifar, "ARCHIVE", replace(good, mirrors=mirrors.at("wrong")))
        with pytest.raises(DataError, match=r"CIFAR-10 is not in .* other bytes.*or put its files \(data_batch_1.bin"):
            load("cifar-10", tmp_path / "new")
        assert not (tmp_path / "new" / cifar.FOLDER).exists()
        monkeypatch.setattr(cifar, "ARCHIVE", good)
        found = load("cifar-10", tmp_path / "new")
        asked = len(mirrors.asked)
        load("cifar-10", tmp_path / "new")
        (tmp_path / "given").mkdir()
        (tmp_path / "given" / good.name).write_bytes(packed.getvalue())
        assert len(load("cifar-10", tmp_path / "given").test_labels) == N
        assert len(mirrors.asked) == asked, "what is there is not fetched again"
        assert (tmp_path / "given" / good.name).is_file(), "the file is the user's"
    finally:
        mirrors.close()
    assert len(found.train_labels) == 5 * N
    left = sorted(path.name for path in (tmp_path / "new" / cifar.FOLDER).iterdir())
    assert left == sorted(trusted)


# -- what does not fit is said ---------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["truncated", "one bit"])
def test_a_file_that_is_not_the_published_one(root: Path, harm: str) -> None:
    path = root / cifar.FOLDER / "data_batch_3.bin"
    good = path.read_bytes()
    path.write_bytes(good[:-7] if harm == "truncated" else good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(DataError, match="data_batch_3.bin is not what was published as data_batch_3.bin"):
        load("cifar-10", root)


def test_array_files_that_hold_something_else(trusted: dict[str, bytes], tmp_path: Path) -> None:
    images, labels = tiny_arrays()
    path = tmp_path / "cifar-10.npz"
    pickled = {"x": np.array([object()]), "y": labels}
    for wrong in ({"x": images}, {"x": images[..., 0], "y": labels}, {"x": images, "y": labels.astype(int)}, pickled):
        np.savez(path, **wrong)  # type: ignore[arg-type]
        with pytest.raises(DataError, match="cifar-10.npz: expected an array file with x"):
            load("cifar-10", tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="cifar-10.npz: expected an array file with x"):
        load("cifar-10", tmp_path)
    np.savez(path, x=images[::-1], y=labels)
    with pytest.raises(DataError, match=r"cifar-10.npz, images 0 to 3 is not what was published as data_batch_1.bin"):
        load("cifar-10", tmp_path)


def test_without_its_files_it_says_where_they_go(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"CIFAR-10 is not in .*cifar-10-batches-bin: data_batch_1.bin is missing"):
        load("cifar-10", tmp_path, download=False)
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DataError, match="cifar-10-batches-py is its Python version, which is pickled"):
        load("cifar-10", tmp_path, download=False)


def test_a_network_of_another_shape_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(data.dataset\): expected one with images of 1 x 28 x 28 for") as said:
        RunConfig.flat(network="lenet-5-caffe", dataset="cifar-10")
    assert str(said.value).endswith("(mnist, fashion-mnist, digits), got 'cifar-10', whose images are 3 x 32 x 32.")


def test_digits_are_not_mirrored() -> None:
    for dataset in ("mnist", "digits"):
        with pytest.raises(ConfigError, match=f"augment .* {dataset}.*it is for fashion-mnist, cifar-10"):
            RunConfig.flat(dataset=dataset, augment=True)
    assert RunConfig.flat(network="vgg-like", dataset="cifar-10", augment=True).data.augment
    with pytest.raises(ConfigError, match=r"\(optimisation.precision\): expected one of float32, bf16, got 'fp8'"):
        RunConfig.flat(precision="fp8")


# -- the real one ----------------------------------------------------------------------------------------------


def test_the_real_cifar_10(cifar_root: Path) -> None:
    found = load("cifar-10", cifar_root, download=False)
    assert found.train_labels[:8].tolist() == [6, 9, 9, 4, 1, 1, 2, 7]
    assert found.test_labels[:8].tolist() == [3, 8, 8, 0, 6, 6, 1, 6]
    for labels, n in ((found.train_labels, 5000), (found.test_labels, 1000)):
        assert torch.bincount(labels).tolist() == [n] * 10
    about = IMAGES["cifar-10"]
    for channel in range(3):
        x = found.train_images[:, channel].double() / 255
        assert float(x.mean()) == pytest.approx(about.mean[channel], abs=1e-5)
        assert float(x.std(correction=0)) == pytest.approx(about.deviation[channel], abs=1e-5)
