"""A SHA-256 in the header of a safetensors file, over all of the file: a flipped bit shows. No torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

_OPEN = "0" * 64  # what stands for the digest while it is computed
_SEAL = re.compile(rb'"sha256":"([^"]{64})"')


def header_to_seal(texts: Mapping[str, str]) -> dict[str, str]:
    """The header's texts with room for the digest, which `seal` writes."""
    return {**texts, "sha256": _OPEN}


def seal(content: bytes) -> bytes:
    """The file with the SHA-256 of itself in the place that `header_to_seal` left for it.

    >>> from safetensors.numpy import save
    >>> is_whole(seal(save({}, header_to_seal({}))))
    True
    """
    digest = hashlib.sha256(content).hexdigest()
    return content.replace(f'"sha256":"{_OPEN}"'.encode(), f'"sha256":"{digest}"'.encode(), 1)


def is_whole(content: bytes) -> bool:
    """Whether nothing in the file has changed since it was sealed; a file without a digest counts as whole."""
    size = 8 + int.from_bytes(content[:8], "little")
    found = _SEAL.search(content[:size])
    if found is None:
        return True
    start, end = found.span(1)
    digest = hashlib.sha256(content[:start])
    digest.update(_OPEN.encode())
    digest.update(memoryview(content)[end:])
    return digest.hexdigest().encode() == found[1]


def header_of(content: bytes) -> dict[str, Any]:
    """The texts in a safetensors file's header; raises KeyError or ValueError where there are none."""
    texts: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    return texts
