"""Runs in a bucket: where $SBP_RUNS is a URL. The rest of the code asks here, and nothing happens where it is none.

1. The folder of a run on the machine that trains it stays the truth; training never waits for the bucket.
2. `parts/RUN/WRITER/SHA256` are pieces of files, never changed; `manifests/RUN.WRITER` lists those of every file
   (`manifest`). A growing file is sent by its end, a replaced one whole; the manifest follows when its parts are there.
3. A thread of the worker sends what is new every two seconds (`push`), and again where that failed.
4. One listing of `manifests/` says which runs have changed; readers bring those into a folder here and read it as they
   read any (`pull`). Each piece is checked by its SHA-256, and no name in a manifest becomes a path but ours.
5. Writers are numbered; the manifest of a number is made by a conditional put, and its age says whether the writer
   lives. To resume is to make the next one; the writer before sees it and ends (`claims`).
6. A request to stop is an object beside the writer's parts.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbp.runs.filenames import STOP
from sbp.runs.names import BadRequest
from sbp.runs.roots import runs_root, runs_url

if TYPE_CHECKING:
    from sbp.runs.remote.pull import Reader

_OPENING = threading.Lock()


def reader_of(root: Path) -> Reader | None:
    """The reader of the bucket that a folder of runs stands for; None of any other folder.

    Raises:
        BadRequest: what is needed for its address is not installed.
    """
    if not (url := runs_url()) or root != runs_root():
        return None
    with _OPENING:
        return _opened(url, root)


@functools.lru_cache(maxsize=8)
def _opened(url: str, root: Path) -> Reader:
    reader: Reader = _module("pull").Reader(_module("bucket").Bucket(url, root))
    return reader


def _module(name: str) -> Any:
    """A module of this room, imported where a bucket is in use: nobody else pays for it."""
    return importlib.import_module(f"sbp.runs.remote.{name}")


def _readable(root: Path) -> Reader | None:
    """The same for those who read alone, whom `trouble` tells why there is none."""
    with contextlib.suppress(BadRequest):
        return reader_of(root)
    return None


def bring(root: Path, run_id: str) -> None:
    """Brings one run up to date."""
    if reader := _readable(root):
        reader.bring(run_id)


def bring_newest(root: Path, most: int | None, age: Callable[[str], Any]) -> None:
    """Brings the newest so many runs up to date as far as a list shows them; None: all. age: sorts ids."""
    if reader := _readable(root):
        reader.bring_newest(most, age)


def names(root: Path) -> Iterable[str]:
    """Ids of the runs that the bucket has, here or not."""
    return reader.names() if (reader := _readable(root)) else ()


def trouble(root: Path | None = None) -> str:
    """Why what is shown may be old, empty where it is not.

    >>> trouble()
    ''
    """
    try:
        return reader.trouble if (reader := reader_of(root or runs_root())) else ""
    except BadRequest as error:
        return str(error)


def claim_new(hidden: Path, path: Path) -> bool:
    """Whether a new run whose files are in a hidden folder may be given this path; nobody else is given it then.

    Raises `BadRequest`.
    """
    reader = reader_of(path.parent)
    return reader is None or _module("claims").claim_new(reader.bucket, path.name, hidden)


def claim(folder: Path) -> None:
    """Makes this machine the writer of a run whose lock the caller holds; raises `BadRequest` where it cannot be."""
    if reader := reader_of(folder.parent):
        _module("claims").claim(reader, folder)


def delete(folder: Path) -> None:
    """Deletes a run whose lock the caller holds from the bucket; all of it is here then. Raises `BadRequest`."""
    if (reader := reader_of(folder.parent)) and folder.name in reader.names():
        _module("claims").delete(reader, folder)


def undelete(folder: Path) -> None:
    """Has the bucket hold a run again that was deleted here. Raises `BadRequest`."""
    if reader := reader_of(folder.parent):
        _module("claims").undelete(reader.bucket, folder)


def written_elsewhere(folder: Path) -> bool | None:
    """Whether another machine writes a run; None of one that is in no bucket.

    A run is not considered lost while the bucket does not answer.
    """
    if (reader := _readable(folder.parent)) is None:
        return None
    found = _module("manifest")
    note = found.read_note(folder)
    return found.written_elsewhere(note, reader.answered) if note.writer else None


def ask_stop(folder: Path) -> None:
    """Has the writer of a run on another machine hear of a request to stop. Raises `BadRequest`."""
    if written_elsewhere(folder) and (reader := reader_of(folder.parent)):
        writer = _module("manifest").read_note(folder).writer
        try:
            reader.bucket.write(reader.bucket.part(folder.name, writer, STOP), b"1")
        except OSError as error:
            raise BadRequest(f"{folder.name} was not asked to stop: {error}") from None


@contextlib.contextmanager
def pushing(folders: Sequence[Path]) -> Iterator[None]:
    """Sends what is written to these runs while it goes on in here."""
    if folders and (reader := reader_of(folders[0].parent)):
        with _module("push").pushing(reader.bucket, folders):
            yield
    else:
        yield
