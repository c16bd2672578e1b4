"""Data sets: what is read is what was published, and what is not comes as a sentence."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.data import datasets, sources
from sbp.data.datasets import DataError, default_dataset, load, prepare
from tests.data.tiny import NAMES, SHAPES, contents, idx, trust, unpack


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
def test_files_are_read_as_they_were_written(tiny: Path, packed: bool) -> None:
    if not packed:
        unpack(tiny)
    got = load("mnist", tiny, download=False)
    raw = contents()
    for values, content, shape in zip(
        (got.train_images, got.train_labels, got.test_images, got.test_labels), raw, SHAPES, strict=True
    ):
        assert values.shape == shape
        assert values.to(torch.uint8).numpy().tobytes() == content[-values.numel() :]
    assert got.train_images.dtype == torch.uint8
    assert got.train_labels.dtype == torch.int64
    assert got.source == f"Tiny MNIST, 30 training and 10 test images, read from {tiny / 'mnist'}."


def test_the_root_is_the_environments_or_data_beside_us(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SBP_DATA", str(tiny))
    assert load("mnist", download=False).name == "mnist"
    monkeypatch.setenv("SBP_DATA", "")
    assert datasets.data_root() == Path("data")
    monkeypatch.setenv("SBP_DATA", "~/sets")
    assert datasets.data_root() == Path.home() / "sets"


def test_an_unknown_name_is_answered_with_the_names() -> None:
    with pytest.raises(DataError, match="Expected one of the data sets mnist, .*cifar-10, got 'cifar'"):
        load("cifar")


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
@pytest.mark.parametrize("harm", ["truncated", "one bit", "empty", "another file"])
@pytest.mark.parametrize("which", range(4))
def test_a_file_that_is_not_the_published_one(tiny: Path, packed: bool, harm: str, which: int) -> None:
    if not packed:
        unpack(tiny)
    path = tiny / "mnist" / f"{NAMES[which]}-ubyte{'.gz' if packed else ''}"
    good = path.read_bytes()
    bad = {
        "truncated": good[: len(good) // 2],
        "one bit": good[:-9] + bytes([good[-9] ^ 1]) + good[-8:],
        "empty": b"",
        "another file": b"<html>Not found</html>",
    }[harm]
    path.write_bytes(bad)
    with pytest.raises(DataError) as caught:
        load("mnist", tiny)
    message = str(caught.value)
    assert message.startswith(f"{path} is not the published file, or only a part of it: expected SHA-256 ")
    assert hashlib.sha256(good).hexdigest() in message
    assert f"got {hashlib.sha256(bad).hexdigest()} ({len(bad):,} bytes)" in message
    assert message.endswith(f"Delete {path.name} and it is downloaded again, or copy it again from where you have it.")
    assert path.read_bytes() == bad, "the file is the user's: nothing but a sentence happens to it"


@pytest.mark.parametrize(
    "kept_as",
    [
        "unpacked under a .gz name",
        "packed again",
        "a bad .gz beside the good file",
        "train-images.idx3-ubyte",
        "a folder for each file",
        "MNIST/raw",
    ],
)
def test_the_content_decides(tiny: Path, kept_as: str) -> None:
    for name, raw in zip(NAMES, contents(), strict=True):
        packed = tiny / "mnist" / f"{name}-ubyte.gz"
        plain = packed.with_suffix("")
        match kept_as:
            case "unpacked under a .gz name":
                packed.write_bytes(raw)
            case "packed again":
                packed.write_bytes(gzip.compress(raw, 1, mtime=5))
            case "a bad .gz beside the good file":
                packed.write_bytes(b"<html>Not found</html>")
                plain.write_bytes(raw)
            case "train-images.idx3-ubyte":
                packed.rename(plain.with_name(plain.name.replace("-idx", ".idx")))
            case "a folder for each file":
                plain.mkdir()
                packed.unlink()
                (plain / plain.name).write_bytes(raw)
            case "MNIST/raw":
                (tiny / "MNIST" / "raw").mkdir(parents=True, exist_ok=True)
                packed.rename(tiny / "MNIST" / "raw" / packed.name)
    found = load("mnist", tiny, download=False)
    assert found.train_images.numpy().tobytes() == contents()[0][16:]
    assert default_dataset(tiny)[0] == "mnist"


IMAGES = np.zeros(SHAPES[0])
LABELS = np.zeros(SHAPES[1])


@pytest.mark.parametrize(
    ("which", "content", "complaint"),
    [
        (0, idx(IMAGES, magic=2052), "expected the magic number 2051, got 2052"),
        (0, idx(LABELS), "expected the magic number 2051, got 2049"),
        (1, idx(IMAGES), "expected the magic number 2049, got 2051"),
        (0, idx(IMAGES[:29]), "expected the shape (30, 28, 28), got (29, 28, 28)"),
        (0, idx(IMAGES[:, :, :27]), "expected the shape (30, 28, 28), got (30, 28, 27)"),
        (0, idx(IMAGES)[:-1], "expected 23,520 values after the header, got 23,519"),
        (0, idx(IMAGES) + b"\0", "expected 23,520 values after the header, got 23,521"),
        (1, idx(LABELS + 10), "expected labels from 0 to 9, got 10"),
        (0, b"\0\0\x08", "expected a header of 16 bytes, got 3 bytes in all"),
        (0, b"", "expected a header of 16 bytes, got 0 bytes in all"),
    ],
)
@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
def test_without_a_checksum_the_structure_is_judged(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, which: int, content: bytes, complaint: str, packed: bool
) -> None:
    trust(monkeypatch)
    if not packed:
        unpack(tiny)
    path = tiny / "mnist" / f"{NAMES[which]}-ubyte{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    with pytest.raises(DataError) as caught:
        load("mnist", tiny)
    assert str(caught.value).startswith(f"{path}: {complaint}. Delete {path.name}")


@pytest.mark.parametrize("harm", [b"", b"no gzip at all", gzip.compress(bytes(100), mtime=0)[:-12]])
def test_a_gz_that_cannot_be_unpacked(tiny: Path, monkeypatch: pytest.MonkeyPatch, harm: bytes) -> None:
    trust(monkeypatch)
    path = tiny / "mnist" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(harm)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz(: expected | cannot be unpacked)"):
        load("mnist", tiny)


def test_a_file_that_may_not_be_read(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied. Check the file and who may read it."):
        load("mnist", tiny)


def test_a_missing_file_is_named_where_no_download_is_wanted(tiny: Path) -> None:
    (tiny / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="Tiny MNIST is not in .*mnist: t10k-labels-idx1-ubyte.gz is missing"):
        load("mnist", tiny, download=False)


def test_the_real_mnist(mnist_root: Path) -> None:
    mnist = load("mnist", mnist_root, download=False)
    assert mnist.train_labels[:8].tolist() == [5, 0, 4, 1, 9, 2, 1, 3]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # as on the data set's own page
    assert torch.bincount(mnist.train_labels).tolist() == counts
    assert torch.bincount(mnist.test_labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert float(mnist.train_images.double().mean()) / 255 == pytest.approx(0.1307, abs=5e-5)
    split = prepare(mnist)
    assert (split.n_train, split.n_validation, len(split.test_y)) == (55000, 5000, 10000)
    assert torch.equal(split.validation_y, mnist.train_labels[-5000:])


def test_the_unpacked_checksums_are_those_of_the_real_mnist(mnist_root: Path) -> None:
    for file in sources.SOURCES["mnist"].files:
        packed = mnist_root / "mnist" / f"{file.name}.gz"
        if packed.is_file():
            assert hashlib.sha256(gzip.decompress(packed.read_bytes())).hexdigest() == file.sha256


def test_mnist_is_the_default_where_its_files_are(tiny: Path) -> None:
    assert default_dataset(tiny) == ("mnist", f"MNIST is in {tiny / 'mnist'}.")
    unpack(tiny)
    assert default_dataset(tiny)[0] == "mnist"


def test_digits_are_the_default_elsewhere_and_nothing_is_fetched(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("pooch.retrieve", refuse)
    (tiny / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    name, why = default_dataset(tiny)
    assert name == "digits"
    assert why == (
        f"MNIST is not in {tiny / 'mnist'}, so scikit-learn's bundled digits (1,797 small images) are used; "
        "choose the data set mnist to download it (11 MB)."
    )


def test_the_default_is_known_without_torch() -> None:
    look = (
        "import sys, sbp.data.datasets; sbp.data.datasets.default_dataset('.'); "
        "print({'torch', 'pooch'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60)
    assert answer.stdout == "set()\n"
