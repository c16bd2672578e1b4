"""Downloads: what is missing is fetched, from whichever mirror has it, and what fails leaves nothing."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sbp.data import download, sources
from sbp.data.datasets import DataError, load
from tests.data.mirrors import Mirrors
from tests.data.tiny import NAMES, SHAPES, contents, source_of


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
