"""A run as a bucket has it, and the files of it that are brought into its folder here. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import from_json

from sbp.runs.filenames import CONFIG, GROWING, STATUS, STOP
from sbp.runs.files import append_bytes, replace_bytes
from sbp.runs.plain_files import BadFile, read_plain
from sbp.runs.remote.manifest import (
    CHECKPOINTS,
    DERIVED,
    FILES,
    Manifest,
    Note,
    Part,
    most_bytes,
    write_note,
    written_elsewhere,
)


@dataclass
class Found:
    """A run as the bucket has it.

    folder: here. writer: the number of its last one. note: what is known of it here from now on. before: what was.
    wanted: the files that are to be brought.
    """

    folder: Path
    writer: int
    manifest: Manifest
    note: Note
    before: Note
    wanted: Sequence[str] = ()

    @property
    def lives(self) -> bool:
        """Whether its writer was heard of in the last minute."""
        return written_elsewhere(self.note, time.time())

    def differing(self, *kinds: Sequence[str]) -> list[str]:
        """Those of its files of these kinds that are not here as the bucket has them."""
        files, here = self.manifest.files, self.note.here
        known = {name: [part.sha256 for part in here[name]] for name in here}
        return [
            name
            for name in itertools.chain(*kinds)
            if name in files and known.get(name) != [part.sha256 for part in files[name]]
        ]

    def kept(self, name: str) -> int:
        """How many of a file's parts are here already."""
        parts = self.manifest.files[name]
        pairs = zip(self.note.here.get(name, []), parts, strict=False)
        same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0].sha256 == pair[1].sha256, pairs))
        path = self.folder / name
        size = path.stat().st_size if path.exists() else 0
        return same if size >= sum(part.size for part in parts[:same]) else 0

    def missing(self, name: str) -> list[Part]:
        """The parts of a file that are not here and not in its manifest."""
        return [part for part in self.manifest.files[name][self.kept(name) :] if part.text is None]

    def content(self, name: str, pieces: Mapping[str, bytes]) -> bytes:
        """A file, of what is here and the pieces by their SHA-256. Raises `BadFile` where one is another."""
        kept, parts = self.kept(name), self.manifest.files[name]
        size = sum(part.size for part in parts[:kept])
        found = [read_plain(self.folder / name, most_bytes(name))[:size]] if kept else []
        for part in parts[kept:]:
            told = pieces.get(part.sha256, b"") if part.text is None else part.text.encode("latin-1", "replace")
            if len(told) != part.size or hashlib.sha256(told).hexdigest() != part.sha256:
                raise BadFile(f"{name} of {self.folder.name} in the bucket is not what its manifest says.")
            found.append(told)
        return b"".join(found)

    def lay(self, pieces: Mapping[str, bytes]) -> None:
        """Writes the files that are wanted, the status last. Raises `BadFile` before the first where one is bad."""
        files = self.manifest.files
        if CONFIG not in files or STATUS not in files:
            return  # its first writer has sent nothing yet
        contents = {name: self.content(name, pieces) for name in FILES if name in self.wanted or name == STATUS}
        new = self.folder.with_name(f".new-{os.getpid()}-{time.monotonic_ns()}")
        place = self.folder if self.folder.exists() else new
        place.mkdir(exist_ok=True)
        old = set(self.note.here) - set(files) | set(self.differing(CHECKPOINTS))
        for name in (set(FILES) - DERIVED if self.before.owner else old) - set(contents):
            (place / name).unlink(missing_ok=True)
        if self.writer > self.before.writer or self.manifest.ended:
            (place / STOP).unlink(missing_ok=True)
        here = {name: parts for name, parts in self.note.here.items() if name not in old}
        here |= {name: files[name] for name in contents}
        for name, content in contents.items():
            _write(place / name, _sealed(content, here) if name == STATUS else content)
        self.note = self.note.model_copy(update={"here": here})
        write_note(place, self.note.model_copy(update={"pending": self.differing(FILES)}))
        if place == new:
            new.rename(self.folder)


def _write(path: Path, content: bytes) -> None:
    """Appends where that is all that has changed, so that a reader need not begin again."""
    try:
        before = read_plain(path, len(content))
    except BadFile:
        before = b""
    if before and content.startswith(before):
        append_bytes(path, content[len(before) :])
    else:
        replace_bytes(path, content, durable=False)


def _sealed(content: bytes, here: Mapping[str, object]) -> bytes:
    """A status with the seals of those files alone that have been brought."""
    with contextlib.suppress(ValueError):
        status = from_json(content, allow_inf_nan=False)
        seals = status.get("sha256") if isinstance(status, dict) else None
        if isinstance(seals, dict) and not (set(seals) & GROWING) <= set(here):
            kept = {name: seal for name, seal in seals.items() if name in here}
            return json.dumps({**status, "sha256": kept}, indent=1).encode()
    return content
