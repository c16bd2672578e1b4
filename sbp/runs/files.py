"""Files that are never half there, and locks that the kernel drops when their holder ends. No torch."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from sbp.runs.plain_files import BadFile as BadFile
from sbp.runs.plain_files import read_json as read_json

# Whatever lies at a path of ours, it is not followed elsewhere, and opening it waits for nobody.
_OURS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


_NO_LOCKS = "The file system has no file locks, as some network file systems; point SBP_RUNS to a local folder."


class Locked(RuntimeError):
    """Somebody else holds this lock."""


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk; for one that is not there, not at all."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _OURS)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems sync no folder
            raise
    finally:
        os.close(descriptor)


def replace_bytes(path: Path, content: bytes, durable: bool = True, keep: Path | None = None) -> None:
    """Replaces a whole file: readers see the old or the new content, whenever the writer ends.

    With `durable` that holds for a power cut too, and the new content stays; it waits for the disk, so what is written
    often goes without. keep: where the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
        if durable:
            sync(temporary)
        if keep is not None and path.exists():
            os.replace(path, keep)
        os.replace(temporary, path)
        if durable:
            sync(path.parent)
    except BaseException:  # half a file on a full disk would keep it full
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_json(path: Path, value: Any, durable: bool = True) -> None:
    """Replaces a whole JSON file; raises ValueError for a number that is not finite, which no reader would take."""
    replace_bytes(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode(), durable)


def append_bytes(path: Path, content: bytes) -> None:
    """Appends without rewriting, so a reader sees a cut end at worst; raises OSError on a full disk or for a link."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _OURS, 0o644)
    before = os.fstat(descriptor).st_size
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except OSError:
        os.ftruncate(descriptor, before)  # no half of a record stays on a full disk
        raise
    finally:
        os.close(descriptor)


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk, or what of it a user may fill, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def remove_temporaries(folder: Path) -> None:
    """Deletes what `replace_bytes` left there when its process was killed; that of a living process stays."""
    for path in folder.glob(".*.*"):
        number = path.suffix[1:]
        if number.isdigit():
            try:
                os.kill(int(number), 0)
            except (ProcessLookupError, OverflowError):
                path.unlink(missing_ok=True)
            except OSError:  # another user's
                continue


class Lock:
    """An exclusive flock on a file, held from construction to `release` or the end of every holder.

    A reader's probe takes a shared lock for a moment, so taking it is tried for `patience` seconds.
    Raises `Locked` when another holds it, OSError where the file system has no locks. `descriptor` adopts a descriptor
    that is locked already.
    """

    def __init__(self, path: Path, patience: float = 0.5, descriptor: int | None = None) -> None:
        self.path = path
        self.descriptor = -1
        if descriptor is not None:
            self.descriptor = descriptor
            return
        opened = os.open(path, os.O_RDWR | os.O_CREAT | _OURS, 0o644)
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    os.close(opened)
                    raise Locked(f"{path} is held by another process.") from None
                time.sleep(0.01)
            except OSError as error:
                os.close(opened)
                raise OSError(f"{path} cannot be locked ({error.strerror}). {_NO_LOCKS}") from None
        self.descriptor = opened
        if not is_locked(path):  # by the answer of a second look: two writers of one run would spoil it
            self.release()
            raise OSError(f"A lock on {path} keeps nobody out. {_NO_LOCKS}")

    def is_of(self, path: Path) -> bool:
        """Whether the file that lies at this path is the one that is locked: it may be deleted under its holder."""
        try:
            there = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return self.descriptor >= 0 and os.path.samestat(there, os.fstat(self.descriptor))

    def release(self) -> None:
        """Closes this holder's copy; a child that inherited the descriptor keeps the lock."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def unlock(self) -> None:
        """Lets go for every holder, for processes that inherited the descriptor too."""
        if self.descriptor >= 0:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        self.release()

    def __del__(self) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether a living process holds the exclusive lock; takes a shared one to see, and lets go at once."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _OURS)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False
