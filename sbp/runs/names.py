"""Names that become a path: ids of runs, recorded or not, and exported files. Every one of them is checked here."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

LONGEST = 120
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
# What a file system takes in one name, less what is put before and after it while a file is written.
_LONGEST_FILE = 200


class BadRequest(ValueError):
    """Something was asked of a run that it cannot do."""


def is_name(text: object) -> bool:
    r"""Whether a text may name a run, recorded or not: letters, digits, dots, dashes; never a way out of the folder.

    >>> is_name("table-1-sbp"), is_name(".."), is_name("a/b"), is_name("a\n")
    (True, False, False, False)
    """
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def checked_name(text: str, what: str = "name", remedy: str = "Choose another one.") -> str:
    """The name itself, where it may become a folder or a file of ours.

    Args:
        text: the name, from a shell, a link or a file.
        what: what it names, the beginning of the sentence.
        remedy: what to do about a name that is refused, the end of the sentence.

    Raises:
        BadRequest: it is empty, longer than 120 characters, begins with a dot or a dash, or holds anything but
            letters of ASCII, digits, dots, dashes and underscores.

    >>> checked_name("interval-a20")
    'interval-a20'
    >>> checked_name("../../x", "--name", "Choose another one.")
    Traceback (most recent call last):
    sbp.runs.names.BadRequest: --name: expected 1 to 120 letters, digits, dots, dashes or underscores, a letter or a \
digit first, got '../../x'. Choose another one.
    """
    if not is_name(text):
        raise BadRequest(
            f"{what}: expected 1 to {LONGEST} letters, digits, dots, dashes or underscores, a letter or a digit first, "
            f"got {_short(text)}. {remedy}"
        )
    return text


def checked_file_name(text: str, what: str = "file name") -> str:
    """The name of a file that somebody chose to write: any one that stays in its folder and can be seen there.

    Raises:
        BadRequest: it is empty, too long, holds a separator or a control character, or begins with a dot.

    >>> checked_file_name("my network (1).safetensors")
    'my network (1).safetensors'
    """
    bad = not isinstance(text, str) or not text or text.startswith(".") or not text.isprintable()
    if bad or any(mark in text for mark in "/\\") or len(os.fsencode(text)) > _LONGEST_FILE:
        raise BadRequest(
            f"{what}: expected one name of at most {_LONGEST_FILE} bytes that begins with no dot and holds no slash, "
            f"backslash or control character, got {_short(text)}."
        )
    return text


def is_plain(path: Path, kind: int = stat.S_IFREG) -> bool:
    """Whether a file (or with `stat.S_IFDIR` a folder) itself lies there, not a link to one."""
    try:
        return stat.S_IFMT(os.lstat(path).st_mode) == kind
    except (OSError, ValueError):
        return False


def _short(text: object) -> str:
    said = repr(text)
    return said if len(said) <= 80 else f"{said[:60]}… ({len(str(text)):,} characters)"
