"""A film in parts of so many epochs each: as a run grows, a browser that has its parts is sent the last few alone."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from itertools import pairwise
from typing import Any

# What has one item an epoch, frame or record, wherever it stands in a film.
GROWING = {"epochs", "steps", "facts", "sentences", "kept", "levels", "x", "y"}
GROWING |= {"nll", "kl", "loss", "validation", "train"}


def ends(epochs: int) -> list[int]:
    """Where the parts of so many epochs end: a part for each 1 of the number in binary, the longest first.

    So a film has few parts, and an epoch changes part only when those after it double.

    >>> ends(6), ends(7), ends(8)
    ([4, 6], [4, 6, 7], [8])
    """
    bits = reversed(range(epochs.bit_length()))
    return [epochs >> bit << bit for bit in bits if epochs >> bit & 1]


def cut(film: dict[str, Any]) -> list[dict[str, Any]]:
    """A film as the parts that a browser puts together (pages/shared/player/parts.js), the last with all that is no
    list of epochs, and with the names of the others: what they hold decides them.

    >>> *parts, last = cut({"id": "a run", "epochs": [0, 1, 2], "total": 9})
    >>> [part["lists"] for part in parts], last["film"]
    (['{"epochs": [0, 1]}', '{"epochs": [2]}'], {'id': 'a run', 'epochs': [], 'total': 9})
    """
    newest = max(film["epochs"], default=0)
    starts = [float("-inf"), *ends(int(newest) + 1)[:-1], float("inf")]
    lists: list[dict[str, list[Any]]] = [{} for _ in starts[1:]]

    def bare(node: Any, path: str, axis: list[float]) -> Any:
        if isinstance(node, list):
            return [bare(item, f"{path}{i}.", axis) for i, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        axis, rest = node.get("epochs") or node.get("x") or axis, {}
        places = [bisect_left(axis, start) for start in starts]
        for key, value in node.items():
            grows = key in GROWING and isinstance(value, list)
            if grows:
                for part, (start, end) in zip(lists, pairwise(places), strict=True):
                    part[path + key] = value[start:end]
            rest[key] = [] if grows else bare(value, f"{path}{key}.", axis)
        return rest

    rest = bare(film, "", [])
    parts = [{"name": _name(text), "lists": text} for text in map(json.dumps, lists)]
    return [*parts, {"film": rest, "names": [part["name"] for part in parts]}]


def _name(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
