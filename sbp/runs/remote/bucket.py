"""The objects of a bucket, by fsspec: listed, read, written, made by one alone, removed. No torch."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sbp.runs.names import BadRequest, is_name
from sbp.runs.plain_files import SMALL

# What is said to a kind of store besides the address, so that one that does not answer is noticed in seconds.
OPTIONS: dict[str, dict[str, Any]] = {
    "file": {"auto_mkdir": True},
    "s3": {"config_kwargs": {"connect_timeout": 3, "read_timeout": 30, "retries": {"max_attempts": 1}}},
}
_STAMPS = ("ETag", "etag", "mtime", "updated", "created")  # whichever a kind of store has
DELETED = 10**9 - 1  # in the place of a writer's number
_MANIFEST = re.compile(r"(.+)\.([1-9]\d{0,8})")


class Unreachable(OSError):
    """The bucket does not answer, or refuses; the message says so."""


class Bucket:
    """A place for runs behind an address of fsspec, of which this machine has a folder.

    requests, sent, received: how often it was asked, and the bytes of contents.

    Args:
        url: such as s3://bucket/runs.
        root: the folder.

    Raises:
        BadRequest: fsspec, or what it needs for this address, is not installed.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.url, self.root = url, root
        self.requests = self.sent = self.received = 0
        try:
            core = importlib.import_module("fsspec.core")  # an extra: not everybody has it
            options = OPTIONS.get(url.partition(":")[0], {})
            self.fs, self.base = core.url_to_fs(url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            said = f"SBP_RUNS: {url} cannot be opened ({error}): pip install fsspec s3fs"
            raise BadRequest(f"{said}, for gs:// gcsfs too, or name a folder.") from None

    def manifest(self, run_id: str, writer: int) -> str:
        """The key of the manifest of a run's n-th writer."""
        return f"manifests/{run_id}.{writer}"

    def part(self, run_id: str, writer: int, name: str) -> str:
        """The key of what a writer wrote: a part by its SHA-256, or `stop`, which others ask of it."""
        return f"parts/{run_id}/{writer}/{name}"

    def list(self) -> dict[str, tuple[int, str]]:
        """Of each run its last writer's number or `DELETED`, and a stamp that changes with its manifest."""
        found: dict[str, tuple[int, str]] = {}
        with self._asked():
            try:
                entries = self.fs.ls(f"{self.base}/manifests", detail=True)
            except FileNotFoundError:  # there is no run yet
                entries = []
                if self.fs.async_impl:
                    self.fs.ls(self.base.partition("/")[0])  # or no such bucket, which this says
        self.requests += len(entries) // 1000
        for entry in entries:
            name = _MANIFEST.fullmatch(str(entry["name"]).rpartition("/")[2])
            if name and is_name(name[1]) and int(name[2]) > found.get(name[1], (0, ""))[0] and entry["size"] <= SMALL:
                stamp = next((str(entry[key]) for key in _STAMPS if key in entry), "")
                found[name[1]] = int(name[2]), f"{stamp} {entry['size']}"
        return found

    def read(self, most: Mapping[str, int]) -> dict[str, bytes]:
        """At most so many bytes from the start of each of these; those that are not there are left out."""
        if not most:
            return {}
        keys = list(most)
        with self._asked(len(keys)):
            paths, ends = [f"{self.base}/{key}" for key in keys], list(most.values())
            contents = self.fs.cat_ranges(paths, [0] * len(keys), ends, on_error="return")
            found = {}
            for key, content in zip(keys, contents, strict=True):
                if isinstance(content, FileNotFoundError):
                    continue
                if isinstance(content, BaseException):
                    raise content
                found[key] = bytes(content)
        self.received += sum(map(len, found.values()))
        return found

    def write(self, key: str, content: bytes) -> None:
        """Makes or replaces one."""
        with self._asked():
            self.fs.pipe_file(f"{self.base}/{key}", content)
        self.sent += len(content)

    def create(self, key: str, content: bytes) -> bool:
        """Makes one that nobody has made before; False where somebody has."""
        path = f"{self.base}/{key}"
        try:
            with self._asked():
                if self.fs.async_impl:  # a conditional put
                    self.fs.pipe_file(path, content, mode="create")
                else:
                    with self.fs.open(path, "xb") as file:
                        file.write(content)
        except FileExistsError:
            return False
        self.sent += len(content)
        return True

    def remove(self, *keys: str) -> None:
        """Removes these, where they are there."""
        for key in keys:
            with self._asked(), contextlib.suppress(FileNotFoundError):
                self.fs.rm_file(f"{self.base}/{key}")

    def remove_parts(self, run_id: str) -> None:
        """Removes all that was ever written of a run's files."""
        with self._asked(), contextlib.suppress(FileNotFoundError):
            self.fs.rm(f"{self.base}/parts/{run_id}", recursive=True)

    @contextlib.contextmanager
    def _asked(self, times: int = 1) -> Iterator[None]:
        self.requests += times
        try:
            yield
        except FileExistsError:
            raise
        except Exception as error:  # each kind of store has errors of its own
            words = re.sub(r':? *"?\w+://\S+', "", " ".join(str(error).split()))  # no page is to make a link of it
            said = f"{type(error).__name__}: {words:.200}"
            raise Unreachable(f"{self.url} does not answer as it should ({said}).") from None
