"""Opens a file of a run's folder only if it is a plain file of a sane size; reads JSON of sane numbers. No torch.

A run's folder may be somebody else's: a named pipe would make a reader wait for ever, a link or a device would lead it
elsewhere, and JSON may be nested without end or hold numbers that no field of ours can hold.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

MEGABYTE = 2**20
SMALL = 4 * MEGABYTE  # config, status, meta data, result
LARGE = 256 * MEGABYTE  # records; sweep, speed and attributions, which grow with the units
LARGEST_INTEGER = 2**63
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class BadFile(ValueError):
    """A file of a run is missing or does not hold what it should; the message names it."""


def kind_of(mode: int) -> str:
    """What lies there by its mode, empty for a plain file.

    >>> kind_of(stat.S_IFIFO | 0o644), kind_of(stat.S_IFREG)
    ('a named pipe', '')
    """
    kind = stat.S_IFMT(mode)
    return "" if kind == stat.S_IFREG else _KINDS.get(kind, "no plain file")


def not_plain(path: Path, kind: str) -> BadFile:
    """The sentence for something else in the place of a file."""
    return BadFile(f"{path.name} in {path.parent} should be a plain file and is {kind}; nothing is read through it.")


@contextlib.contextmanager
def open_plain(path: Path, most: int = LARGE) -> Iterator[BinaryIO]:
    """A plain file open for reading, unbuffered; nothing else is ever opened, so nothing waits.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        FileNotFoundError: there is none.
        BadFile: it is a link, a folder, a pipe or a device, or larger than `most`; it cannot be opened, or not be read
            while it is open.
    """
    try:
        if kind := kind_of(os.lstat(path).st_mode):
            raise not_plain(path, kind)
        # Should it be replaced between the two looks, opening it still neither follows a link nor waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            facts = os.fstat(descriptor)
            if kind := kind_of(facts.st_mode):
                raise not_plain(path, kind)
            if facts.st_size > most:
                said = f"has {facts.st_size:,} bytes; expected at most {most:,}, so it is not read."
                raise BadFile(f"{path.name} in {path.parent} {said}")
            yield file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadFile(f"{path.name} in {path.parent} cannot be read: {error.strerror or error}.") from None


def sha256_of(path: Path, most: int) -> str:
    """The SHA-256 of a plain file, in hexadecimal. Raises as `open_plain` does."""
    with open_plain(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a raw file has readinto


def read_plain(path: Path, most: int = SMALL) -> bytes:
    """The content of a plain file. Raises `BadFile` with a sentence that names it."""
    try:
        with open_plain(path, most) as file:
            return file.read(most + 1)
    except FileNotFoundError:
        raise BadFile(f"{path.name} is missing from {path.parent}.") from None


def read_json(path: Path, most: int = SMALL) -> dict[str, Any]:
    """Reads a JSON object whose numbers are finite and whose integers fit 64 bits; raises `BadFile` with a sentence."""
    try:
        value = from_json(read_plain(path, most), allow_inf_nan=False)
    except ValueError as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile(f"{path.name} in {path.parent} cannot be read as JSON: {error}.") from None
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise BadFile(f"{path.name} in {path.parent} should hold a JSON object and holds a {kind}.")
    if wild := _wild(value):
        raise BadFile(f"{path.name} in {path.parent} holds {wild}.")
    return value


def _wild(value: Any) -> str:
    """What is said of the first number that is none of ours, empty where all are; nested as deep as JSON was read."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else "a number that is not finite"
    if isinstance(value, int):
        return "" if abs(value) < LARGEST_INTEGER else "an integer of more than 64 bits"
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            if not isinstance(inner, str) and (said := _wild(inner)):
                return said
    return ""
