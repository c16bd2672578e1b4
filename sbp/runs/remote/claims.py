"""Who writes a run of a bucket: each writer has a number, and the manifest of that number is made by one alone.

A writer replaces its own manifest at least every ten seconds, so one that has not been heard of for a minute has
ended. Whoever takes its run over makes the manifest of the next number, and all that it writes lies under that number.
The writer before sees it and ends; what it may still have written nobody reads. No torch.
"""

from __future__ import annotations

import platform
import time
import uuid
from pathlib import Path

from sbp.runs.names import BadRequest
from sbp.runs.plain_files import BadFile
from sbp.runs.remote.bucket import DELETED, Bucket, Unreachable
from sbp.runs.remote.manifest import FILES, Manifest, Note, Parts, read_note, write_note
from sbp.runs.remote.pull import Reader


def claim_new(bucket: Bucket, run_id: str, folder: Path) -> bool:
    """Makes this machine the first writer of a run.

    Args:
        bucket: the runs'.
        run_id: the run's.
        folder: where its files are as yet.

    Returns:
        False where another machine has made a run of this id.

    Raises:
        BadRequest: the bucket does not answer.
    """
    try:
        return _claim(bucket, run_id, folder, 1, {})
    except Unreachable as error:
        raise BadRequest(f"Nothing was started: {error}") from None


def claim(reader: Reader, folder: Path) -> None:
    """Makes this machine the writer of a run that has none, once all of its files are here.

    Args:
        reader: of the runs' bucket.
        folder: the run's, whose lock the caller holds.

    Raises:
        BadRequest: another machine writes it, or did a moment ago; or the bucket does not answer.
    """
    run_id, note = folder.name, read_note(folder)
    try:
        found = reader.latest(run_id)
        if found is None:
            taken = _claim(reader.bucket, run_id, folder, note.writer + 1, {})
        elif note.owner and note.writer == found.writer:  # its lock says that the worker has ended
            taken = _claim(reader.bucket, run_id, folder, found.writer + 1, found.manifest.files)
        elif found.lives:
            raise BadRequest(f"{run_id} is written on {found.manifest.machine!r}; wait for it to end.")
        elif (note.writer, note.digest) != (found.writer, found.note.digest):
            raise BadRequest(f"{run_id} was written on {found.manifest.machine!r} a moment ago; look again.")
        else:
            found.wanted = found.differing(FILES)
            reader.lay([found])
            taken = _claim(reader.bucket, run_id, folder, found.writer + 1, found.manifest.files)
    except (Unreachable, BadFile) as error:
        raise BadRequest(f"{run_id} cannot be written from here: {error}") from None
    if not taken:
        raise BadRequest(f"{run_id} was taken up by another machine a moment ago.")


def delete(reader: Reader, folder: Path) -> None:
    """Deletes a run from the bucket, once all of it is here; raises as `claim` does.

    Its last manifest stays, empty, for a writer who comes back, and another one says that it is deleted.
    """
    claim(reader, folder)
    bucket, run_id, note = reader.bucket, folder.name, read_note(folder)
    try:
        bucket.write(bucket.manifest(run_id, note.writer), _manifest(note.owner, {}))
        bucket.create(bucket.manifest(run_id, DELETED), b"{}")
        reader.heads.pop(run_id, None)
        bucket.remove_parts(run_id)
    except Unreachable as error:
        raise BadRequest(f"{run_id} was not deleted: {error}") from None


def undelete(bucket: Bucket, folder: Path) -> None:
    """Has a run that was deleted here sent again. Raises `BadRequest` where the bucket does not answer."""
    try:
        bucket.remove(bucket.manifest(folder.name, DELETED))
    except Unreachable as error:
        raise BadRequest(f"{folder.name} is back on this machine alone: {error}") from None
    write_note(folder, read_note(folder).model_copy(update={"behind": True}))


def _manifest(owner: str, files: Parts) -> bytes:
    said = Manifest(owner=owner, machine=platform.node(), time=time.time(), files=files)
    return said.model_dump_json(exclude_none=True).encode()


def _claim(bucket: Bucket, run_id: str, folder: Path, writer: int, files: Parts) -> bool:
    owner = uuid.uuid4().hex
    if not bucket.create(bucket.manifest(run_id, writer), _manifest(owner, files)):
        return False
    write_note(folder, Note(writer=writer, owner=owner, behind=True))
    return True
