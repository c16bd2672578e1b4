"""Data sets: what is read is what was published, and what is not comes as a sentence."""

from __future__ import annotations

import gzip
import hashlib
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from sbp.data import datasets, download, sources
from sbp.data.datasets import DataError, Dataset, default_dataset, load, prepare
from sbp.data.sources import IdxFile, Source
from sbp.spec import DataConfig

SHAPES = ((30, 28, 28), (30,), (10, 28, 28), (10,))
NAMES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")


def idx(values: np.ndarray, magic: int | None = None) -> bytes:
    """The bytes of an idx file, written out here a second time so that the reader is not its own witness."""
    magic = 0x0800 + values.ndim if magic is None else magic
    return struct.pack(f">{1 + values.ndim}I", magic, *values.shape) + values.astype(np.uint8).tobytes()


def contents() -> list[bytes]:
    rng = np.random.default_rng(7)
    return [idx(rng.integers(0, 256 if len(shape) == 3 else 10, shape)) for shape in SHAPES]


def source_of(raw: list[bytes], mirrors: tuple[str, ...] = ()) -> Source:
    """A data set in the published form with the checksums of these bytes."""

    def sha(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    files = (
        IdxFile(f"{name}-ubyte", sha(gzip.compress(content, mtime=0)), sha(content), shape)
        for name, content, shape in zip(NAMES, raw, SHAPES, strict=True)
    )
    return Source("Tiny MNIST", mirrors, tuple(files))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root whose mnist/ holds a tiny data set, which `load("mnist")` takes for the published one."""
    raw = contents()
    monkeypatch.setitem(sources.SOURCES, "mnist", source_of(raw))
    folder = tmp_path / "root" / "mnist"
    folder.mkdir(parents=True)
    for name, content in zip(NAMES, raw, strict=True):
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(content, mtime=0))
    return folder.parent


def unpack(root: Path) -> None:
    for path in (root / "mnist").glob("*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the checksums away, so that the structure is all there is to judge by."""
    source = sources.SOURCES["mnist"]
    files = tuple(replace(file, gz_sha256="", sha256="") for file in source.files)
    monkeypatch.setitem(sources.SOURCES, "mnist", replace(source, files=files))


# Reading


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


# Downloading


class Mirrors:
    """On this machine: /missing/ has nothing, /wrong/ sends other bytes, /cut/ stops halfway, /good/."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.asked: list[str] = []
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirrors.asked.append(self.path)
                _, place, name = self.path.split("/")
                if place == "missing":
                    self.send_error(404)
                    return
                body = files[name] if place in ("good", "cut") else b"a page of a hotel's network"
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if place == "cut" else body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def at(self, *places: str) -> tuple[str, ...]:
        return tuple(f"http://127.0.0.1:{self.server.server_port}/{place}/" for place in places)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Mirrors]]:
    """Starts the mirrors and names these places of theirs as those of "mnist"."""
    running: list[Mirrors] = []
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)

    def start(*places: str) -> Mirrors:
        raw = contents()
        files = {f"{n}-ubyte.gz": gzip.compress(c, mtime=0) for n, c in zip(NAMES, raw, strict=True)}
        running.append(Mirrors(files))
        monkeypatch.setitem(sources.SOURCES, "mnist", source_of(raw, running[-1].at(*places)))
        return running[-1]

    yield start
    for one in running:
        one.close()


def test_absent_files_are_downloaded_from_the_first_mirror_that_has_them(
    tmp_path: Path, mirrors: Callable[..., Mirrors]
) -> None:
    running = mirrors("missing", "wrong", "cut", "good")
    told: list[tuple[str, int, int]] = []
    got = load("mnist", tmp_path / "new", progress=lambda *what: told.append(what))
    assert got.train_images.shape == SHAPES[0]
    assert sorted(path.name for path in (tmp_path / "new" / "mnist").iterdir()) == sorted(
        f"{name}-ubyte.gz" for name in NAMES
    )
    assert len(running.asked) == 16, "four files from four mirrors"
    for name in NAMES:
        size = (tmp_path / "new" / "mnist" / f"{name}-ubyte.gz").stat().st_size
        assert told[[what[0] for what in told].index(f"{name}-ubyte.gz") :]
        assert (f"{name}-ubyte.gz", size, size) in told
        assert all(done <= total for _, done, total in told if total)
    running.asked.clear()
    load("mnist", tmp_path / "new")
    assert running.asked == [], "what is there is not fetched again"


def test_only_what_is_missing_is_downloaded(tiny: Path, mirrors: Callable[..., Mirrors]) -> None:
    running = mirrors("good")
    (tiny / "mnist" / "train-labels-idx1-ubyte.gz").unlink()
    load("mnist", tiny)
    assert running.asked == ["/good/train-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("missing", "answered 404"),
        ("wrong", "sent other bytes than the published ones"),
        ("cut", "the connection was cut"),
    ],
)
def test_a_download_that_fails_leaves_nothing(
    tmp_path: Path, mirrors: Callable[..., Mirrors], place: str, reason: str
) -> None:
    running = mirrors(place)
    with pytest.raises(DataError) as caught:
        load("mnist", tmp_path / "new")
    message = str(caught.value)
    assert f"could not be downloaded (127.0.0.1:{running.server.server_port}: {reason})" in message
    assert message.endswith("or choose the data set digits, which needs no download.")
    assert not (tmp_path / "new" / "mnist").exists()


def test_without_a_network_there_is_a_sentence(tmp_path: Path, mirrors: Callable[..., Mirrors]) -> None:
    running = mirrors("good", "missing")
    running.close()  # nobody listens there any more
    running.close = lambda: None  # type: ignore[method-assign]
    with pytest.raises(
        DataError, match=r"Tiny MNIST is not in .* could not be downloaded \(.*no connection.*Go online"
    ):
        load("mnist", tmp_path / "new")
    assert not (tmp_path / "new" / "mnist").exists()


def test_a_download_that_is_interrupted_leaves_no_half_file(tmp_path: Path, mirrors: Callable[..., Mirrors]) -> None:
    mirrors("good")

    def interrupt(name: str, done: int, total: int) -> None:
        if name.startswith("t10k-images"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load("mnist", tmp_path, progress=interrupt)
    left = sorted(path.name for path in (tmp_path / "mnist").iterdir())
    assert left == ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    assert load("mnist", tmp_path).name == "mnist"


def test_a_folder_that_cannot_be_made(tmp_path: Path, mirrors: Callable[..., Mirrors]) -> None:
    mirrors("good")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be made: .*Point SBP_DATA to a folder of yours"):
        load("mnist", tmp_path / "file")


def test_a_terminal_sees_a_bar(
    tmp_path: Path,
    mirrors: Callable[..., Mirrors],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mirrors("good")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(download.sys.stderr, "isatty", lambda: True)
    load("mnist", tmp_path)
    assert "train-images-idx3-ubyte.gz" in capsys.readouterr().err


# The default


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


# The digits


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


def test_digits_never_change(digits: Dataset) -> None:
    assert digits.train_images.shape == (1437, 28, 28)
    assert digits.test_images.shape == (360, 28, 28)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_labels.dtype == torch.int64
    assert (int(digits.train_images.min()), int(digits.train_images.max())) == (0, 255)
    assert digits.train_labels[:10].tolist() == list(range(10))
    assert torch.bincount(digits.test_labels).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]


def test_digits_keep_their_shape_when_they_are_upscaled(digits: Dataset) -> None:
    from sklearn.datasets import load_digits

    small = load_digits().images[:1437]
    # 7 x 7 large pixels cover 2 x 2 small ones.
    large = digits.train_images.double().numpy() * 16 / 255
    means = large.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4))
    coarse = small.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.corrcoef(means.ravel(), coarse.ravel())[0, 1] > 0.99
    assert np.abs(large.mean(axis=(1, 2)) - small.mean(axis=(1, 2))).max() < 0.25


@pytest.mark.parametrize("size", [8, 28, 29])
def test_bilinear_weights(size: int) -> None:
    weights = sources.bilinear(8, size)
    assert weights.shape == (size, 8)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-12)
    if size == 8:
        np.testing.assert_array_equal(weights, np.eye(8))
    # A straight line stays a straight line between the outermost centres.
    inside = slice(size // 8, size - size // 8)
    np.testing.assert_allclose(np.diff(weights @ np.arange(8.0))[inside], 8 / size, rtol=1e-9)


# The split


@pytest.fixture
def hundred() -> Dataset:
    """100 training images that each show their own number, and 20 test images."""
    images = torch.arange(100, dtype=torch.uint8).reshape(-1, 1, 1).expand(-1, 28, 28).contiguous()
    labels = torch.arange(100) % 10
    return Dataset("mnist", images, labels, images[:20] + 100, labels[:20], "Made by a test.")


def numbers(x: torch.Tensor) -> list[int]:
    return (x[:, 0, 0, 0] * 255).round().int().tolist()


def test_the_last_images_are_held_out_and_the_first_are_trained_on(hundred: Dataset) -> None:
    split = prepare(hundred, DataConfig(train_size=60, validation_size=15))
    assert numbers(split.train_x) == list(range(60))
    assert numbers(split.validation_x) == list(range(85, 100))
    assert numbers(split.test_x) == list(range(100, 120))
    assert torch.equal(split.train_y, hundred.train_labels[:60])
    assert torch.equal(split.validation_y, hundred.train_labels[85:])
    assert torch.equal(split.test_y, hundred.test_labels)
    assert (split.n_train, split.n_validation) == (60, 15)


def test_images_become_numbers_between_0_and_1(digits: Dataset) -> None:
    split = prepare(digits)
    for x, y in (
        (split.train_x, split.train_y),
        (split.validation_x, split.validation_y),
        (split.test_x, split.test_y),
    ):
        assert x.dtype == torch.float32
        assert x.shape == (len(y), 1, 28, 28)
        assert (float(x.min()), float(x.max())) == (0.0, 1.0)
        assert y.dtype == torch.int64
    assert torch.equal(split.test_x, digits.test_images.unsqueeze(1) / 255)


@pytest.mark.parametrize(("asked", "held_out"), [(0, 0), (1, 1), (50, 50), (51, 50), (5000, 50)])
def test_at_least_half_is_left_to_train_on(hundred: Dataset, asked: int, held_out: int) -> None:
    split = prepare(hundred, DataConfig(validation_size=asked))
    assert (split.n_train, split.n_validation) == (100 - held_out, held_out)
    assert split.validation_x.shape == (held_out, 1, 28, 28)


def test_digits_spare_a_fifth(digits: Dataset) -> None:
    assert prepare(digits).n_validation == 287
    assert prepare(digits, DataConfig(validation_size=100)).n_validation == 100


def test_more_than_there_is_cannot_be_trained_on(hundred: Dataset) -> None:
    assert prepare(hundred, DataConfig(train_size=80, validation_size=20)).n_train == 80
    with pytest.raises(DataError) as caught:
        prepare(hundred, DataConfig(train_size=81, validation_size=20))
    assert str(caught.value) == (
        "train_size: expected at most 80 of mnist's 100 training images (20 are held out for validation), "
        "got 81; lower train_size or validation_size."
    )


def test_random_labels_leave_the_test_set_its_own(digits: Dataset) -> None:
    split = prepare(digits, DataConfig(random_labels=True), seed=3)
    drawn = torch.from_numpy(np.random.default_rng(3).integers(0, 10, size=1437))
    assert torch.equal(torch.cat([split.train_y, split.validation_y]), drawn)
    assert torch.equal(split.test_y, digits.test_labels)
    assert torch.equal(split.train_x, prepare(digits).train_x)
    # A tenth agrees by chance: 143.7 with a standard deviation of 11.4, and the seed is fixed.
    assert 100 < int((drawn == digits.train_labels).sum()) < 190


def test_a_random_label_belongs_to_its_image_whatever_the_sizes(digits: Dataset) -> None:
    whole = prepare(digits, DataConfig(random_labels=True, validation_size=0), seed=3)
    part = prepare(digits, DataConfig(random_labels=True, train_size=100, validation_size=200), seed=3)
    assert torch.equal(part.train_y, whole.train_y[:100])
    assert torch.equal(part.validation_y, whole.train_y[-200:])
    other = prepare(digits, DataConfig(random_labels=True, validation_size=0), seed=4)
    assert not torch.equal(other.train_y, whole.train_y)


def test_preparing_draws_from_no_shared_generator(hundred: Dataset) -> None:
    torch.manual_seed(0)
    state, numpy_state = torch.random.get_rng_state(), str(np.random.get_state())
    prepare(hundred, DataConfig(random_labels=True), seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert str(np.random.get_state()) == numpy_state


def test_what_is_held_out_without_torch_is_what_a_training_holds_out() -> None:
    whole = load("digits")
    for random in (False, True):
        split = prepare(whole, DataConfig(validation_size=100, random_labels=random), seed=3)
        images, labels = datasets.held_out("digits", 100, random, 3)
        np.testing.assert_array_equal(images, (split.validation_x[:, 0] * 255).round().byte().numpy())
        np.testing.assert_array_equal(labels, split.validation_y.numpy())
    images, labels = datasets.read_part("digits", "test")
    np.testing.assert_array_equal(images, whole.test_images.numpy())
    np.testing.assert_array_equal(labels, whole.test_labels.numpy())


def test_a_part_that_is_not_there_is_said_and_not_downloaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="training on it once puts it there"):
        datasets.read_part("mnist", "test", tmp_path)
    assert list(tmp_path.iterdir()) == []
