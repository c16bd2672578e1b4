"""What a bucket holds of a run, and what this machine has of that. Both are checked as they are read. No torch.

A file is a list of parts, each named by the SHA-256 of its bytes and never changed; a manifest lists the parts of every
file. A part that is small stands in the manifest itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbp.runs import filenames as names
from sbp.runs.files import replace_bytes
from sbp.runs.plain_files import LARGE, SMALL, BadFile, read_plain

FORMAT = 1
INLINE = 4096  # bytes of a part that stands in the manifest: a request costs more than they do
NOTE = ".bucket.json"
MOST_BYTES = 2**33  # of a checkpoint, weights or noise, which are read as a whole
LEASE_SECONDS = 60.0  # without a word of its writer, after which a run has none any more
# The files that a bucket holds; status.json is taken first and laid last, what grows the other way round, so that
# whatever else says of it is there.
LISTED = (names.RECORDS, names.CONFIG, names.DESCRIPTION, names.META, names.RESULT, names.STATUS)
FILMS = (names.NOISE, names.STEP_NOISE, names.STEPS)
CHECKPOINTS = (names.CHECKPOINT, names.BEFORE)
LARGER = (names.MODEL, names.GRAPH, names.SPEED, names.SWEEP, names.ATTRIBUTION, names.LOG)
# What is computed of a run on any machine, and stays there.
DERIVED = {names.GRAPH, names.SPEED, names.SWEEP, names.ATTRIBUTION}
FILES = (*FILMS, names.RECORDS, *CHECKPOINTS, *LARGER, *LISTED[1:])
_SMALL = {names.CONFIG, names.DESCRIPTION, names.META, names.RESULT, names.STATUS}
_LARGE = {names.RECORDS, names.STEPS, names.SPEED, names.SWEEP, names.ATTRIBUTION, names.LOG}
_STRICT = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class Part(BaseModel):
    """A piece of a file: whose it is, its bytes, and these themselves where they are few (as Latin-1)."""

    model_config = _STRICT
    writer: Annotated[int, Field(ge=1, lt=10**9)]
    size: Annotated[int, Field(ge=1, le=MOST_BYTES)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    text: Annotated[str | None, Field(max_length=INLINE)] = None


Parts = dict[str, list[Part]]


class Manifest(BaseModel):
    """A run in a bucket: who writes it, when that was last said, whether it has ended, and the parts of its files."""

    model_config = _STRICT
    format: Annotated[int, Field(ge=1, le=FORMAT)] = FORMAT
    owner: Annotated[str, Field(max_length=64)]
    machine: Annotated[str, Field(max_length=255)]
    time: float
    ended: bool = False
    files: Parts = {}


class Note(BaseModel):
    """What this machine knows of a run in a bucket, in the run's folder.

    writer: the number of its last writer. owner: this machine's word for being that writer, "" where another is.
    behind: what is here may be newer than the bucket. stamp: of the manifest in a listing. digest: of its bytes. heard:
    when the writer was heard of last. here, pending: the parts that are here, and the names of files that are not.
    """

    writer: int = 0
    owner: str = ""
    behind: bool = False
    stamp: str = ""
    digest: str = ""
    heard: float = 0.0
    ended: bool = False
    here: Parts = {}
    pending: list[str] = []


def most_bytes(name: str) -> int:
    """How many bytes a file may have, as for those who read it."""
    return SMALL if name in _SMALL else LARGE if name in _LARGE else MOST_BYTES


def as_parts(content: bytes, known: Sequence[Part], writer: int) -> tuple[list[Part], bytes]:
    """The parts of a file's content, and the bytes of the last one where it is new.

    Parts that are known and still there are kept, so of a file that grew the new end is sent alone. It takes those
    parts before it along that are no larger: a file has few parts, the logarithm of how often it grew.

    >>> first, _ = as_parts(b"a" * 10, [], 1)
    >>> second, new = as_parts(b"a" * 10 + b"b", first, 1)
    >>> [part.size for part in second], new
    ([10, 1], b'b')
    >>> [part.size for part in as_parts(b"a" * 10 + b"bcd", second, 1)[0]]
    [10, 3]
    """
    view, kept, start = memoryview(content), [], 0
    for part in known:
        if hashlib.sha256(view[start : start + part.size]).hexdigest() != part.sha256:
            break
        kept.append(part)
        start += part.size
    while kept and kept[-1].size <= len(content) - start:
        start -= kept.pop().size
    if not (new := content[start:]):
        return kept, b""
    text = new.decode("latin-1") if len(new) <= INLINE else None
    return [*kept, Part(writer=writer, size=len(new), sha256=hashlib.sha256(new).hexdigest(), text=text)], new


def parse(content: bytes, where: str) -> Manifest:
    """A manifest; names that no run has are left out. Raises `BadFile`."""
    try:
        found = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise BadFile(f"{where} is no manifest of a run: {error.errors()[0]['msg']}.") from None
    files = {name: parts for name, parts in found.files.items() if name in FILES}
    for name, parts in files.items():
        if sum(part.size for part in parts) > most_bytes(name):
            raise BadFile(f"{where}: expected at most {most_bytes(name):,} bytes of {name}.")
    return found.model_copy(update={"files": files})


def read_note(folder: Path) -> Note:
    """What is known of a run in the bucket; an empty note where nothing is."""
    try:
        return Note.model_validate_json(read_plain(folder / NOTE))
    except (BadFile, ValidationError):
        return Note()


def written_elsewhere(note: Note, now: float) -> bool:
    """Whether another machine wrote a run as the bucket answered last; now: when that was."""
    return bool(note.writer) and not (note.owner or note.ended) and now - note.heard < LEASE_SECONDS


def write_note(folder: Path, note: Note) -> None:
    """Replaces it; the bytes of small parts are in the files themselves."""
    exclude = {"here": {name: {"__all__": {"text"}} for name in note.here}}
    replace_bytes(folder / NOTE, note.model_dump_json(exclude=exclude).encode(), durable=bool(note.owner))
