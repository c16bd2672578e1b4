"""Downloads the files of a published data set: whole and right, or not at all. No torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

from sbp.data.sources import DataError, IdxFile, Source

Report = Callable[[str, int, int], None]
"""Told of a download: the file's name, bytes done, bytes in all (0 while unknown)."""


def fetch(source: Source, file: IdxFile, folder: Path, report: Report | None = None) -> Path:
    """Downloads one packed file of a source of idx files, as `download` does."""
    yourself = (
        f"put the four .gz files of {source.title} there yourself, or choose the data set digits, which needs no "
        "download"
    )
    return download(source.title, source.mirrors, f"{file.name}.gz", file.gz_sha256, folder, yourself, report)


def download(
    title: str,
    mirrors: Sequence[str],
    name: str,
    sha256: str,
    folder: Path,
    yourself: str,
    report: Report | None = None,
) -> Path:
    """Downloads one file from the first mirror that gives the right bytes, and returns its path.

    The bytes go to a temporary name beside the target and are renamed once the checksum is right,
    so a download that is cut leaves no half file. yourself: what one can do where none is to be had.
    Raises `DataError` when no mirror will do.
    """
    import pooch  # only a download needs it

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{folder} cannot be made: {error.strerror}. Point SBP_DATA to a folder of yours."
        raise DataError(problem) from None
    failures = []
    for mirror in mirrors:
        with ExitStack() as stack:
            bar = _Bar(name, report or _terminal_bar(stack))
            # Small chunks: between two of them somebody may ask to stop, and a line may give 1 kB a second.
            # 5 s to connect: without a network every mirror is tried and the answer still comes soon.
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 12, timeout=(5, 30))
            try:
                got = pooch.retrieve(mirror + name, f"sha256:{sha256}", fname=name, path=folder, downloader=downloader)
                return Path(got)
            except (OSError, ValueError) as error:
                failures.append(f"{urlsplit(mirror).netloc}: {_reason(error)}")
    with suppress(OSError):
        folder.rmdir()  # succeeds only on an empty folder: nothing came, nothing stays
    raise DataError(
        f"{title} is not in {folder} and could not be downloaded ({'; '.join(failures)}). "
        f"Go online and try again, or {yourself}."
    )


def _reason(error: Exception) -> str:
    """Why a mirror failed, in a few words: the libraries' own messages run over several lines."""
    import requests  # as pooch, only with a download

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused; see HTTPS_PROXY"
    if isinstance(error, requests.TooManyRedirects):
        return "redirected without end"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    if isinstance(error, requests.RequestException):
        return "no connection"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "sent other bytes than the published ones"


class _Bar:
    """What pooch expects of a progress bar, passed on to a plain function."""

    def __init__(self, name: str, report: Report) -> None:
        self.name, self.report, self.total, self.done = name, report, 0, 0

    def update(self, n: int) -> None:
        self.done += n
        self.report(self.name, min(self.done, self.total) if self.total else self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def _terminal_bar(stack: ExitStack) -> Report:
    """A bar on the terminal while the stack is open; nothing where the output is not a terminal."""
    if not sys.stderr.isatty():
        return lambda name, done, total: None
    # Only a download needs these.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = stack.enter_context(Progress(*columns, console=Console(stderr=True)))
    task = progress.add_task("")

    def report(name: str, done: int, total: int) -> None:
        progress.update(task, description=name, completed=done, total=total or None)

    return report
