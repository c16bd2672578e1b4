"""Units pruned and kept by hand: how a link spells them, and the resulting masks. NumPy alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from sbp.pruning.masks import Masks, propagate
from sbp.spec.layout import Group

# (layer, unit) -> True for kept, False for pruned, in the order in which it was done.
Edits = dict[tuple[str, int], bool]

MOST = 200  # edits a link may hold, so that an address stays one that can be sent

# A plus that was typed into an address arrives as a space: that is how addresses spell it.
_ENTRY = re.compile(r"([A-Za-z0-9_.]{1,60})\.(\d{1,6})([-+ ])")


def read(text: str, layers: Sequence[Group]) -> tuple[Edits, list[str]]:
    """The edits in a link's text and a sentence for each entry that is none.

    An entry is LAYER.UNIT followed by - (pruned) or + (kept); commas part entries, the last about a unit counts.

    >>> layers = [Group("dense1", "neuron", 500, (500,))]
    >>> read("dense1.12-,dense1.3+", layers)
    ({('dense1', 12): False, ('dense1', 3): True}, [])
    >>> read("dense1.900-,much", layers)[1][0]
    'The link prunes dense1.900, but dense1 has units 0 to 499 only. It is left as it was.'
    """
    units = {layer.name: layer.units for layer in layers}
    edits: Edits = {}
    wrong = []
    entries = [entry for entry in text.split(",") if entry.strip()]
    for entry in entries[:MOST]:
        found = _ENTRY.fullmatch(entry)
        if not found:
            shown = entry.strip()[:24].replace("`", "'")
            wrong.append(f"The link edits {shown!r} by hand; expected something like dense1.12- or dense1.3+.")
            continue
        name, unit, keep = found[1], int(found[2]), found[3] != "-"
        verb = "keeps" if keep else "prunes"
        if name not in units:
            wrong.append(f"The link {verb} {name}.{unit}, but this run has no layer {name}. It is left as it was.")
        elif unit >= units[name]:
            wrong.append(
                f"The link {verb} {name}.{unit}, but {name} has units 0 to {units[name] - 1} only. "
                "It is left as it was."
            )
        else:
            edits.pop((name, unit), None)
            edits[name, unit] = keep
    if len(entries) > MOST:
        wrong.append(f"The link edits {len(entries):,} units by hand; only the first {MOST} are taken.")
    return edits, wrong


def write(edits: Mapping[tuple[str, int], bool]) -> str:
    """The text that `read` reads.

    >>> write({("conv1", 3): True, ("conv2", 0): False})
    'conv1.3+,conv2.0-'
    """
    return ",".join(f"{name}.{unit}{'+' if keep else '-'}" for (name, unit), keep in edits.items())


def with_edit(edits: Edits, own: Mapping[str, np.ndarray], name: str, unit: int, keep: bool) -> Edits:
    """The edits after one more; what the network itself decides (`own`) needs none, so that going back leaves no trace.

    >>> with_edit({("a", 0): False}, {"a": np.array([True])}, "a", 0, True)
    {}
    """
    rest = {key: value for key, value in edits.items() if key != (name, unit)}
    return rest if bool(own[name][unit]) == keep else {**rest, (name, unit): keep}


def apply(own: Mapping[str, np.ndarray], edits: Edits, layers: Sequence[Group]) -> Masks:
    """The masks of a network after edits by hand, closed (`propagate`).

    A channel or feature kept by hand would be useless without the other: a channel with no feature kept brings
    back all that were not pruned by hand, and a feature its channel, unless that was pruned by hand.

    >>> layers = [Group("conv", "channel", 2, (2,)), Group("map", "feature", 4, (2, 2), parent="conv")]
    >>> pruned = {"conv": np.zeros(2, bool), "map": np.zeros(4, bool)}
    >>> apply(pruned, {("conv", 1): True, ("map", 2): False}, layers)["map"].tolist()
    [False, False, False, True]
    """
    masks = {name: np.array(mask, dtype=bool) for name, mask in own.items()}
    for (name, unit), keep in edits.items():
        masks[name][unit] = keep
    for layer in layers:
        if layer.parent:
            _revive(masks, edits, layer)
    return propagate(masks, layers)


def _revive(masks: Masks, edits: Edits, layer: Group) -> None:
    channels, features = masks[layer.parent], masks[layer.name]
    each = len(features) // len(channels)
    for (name, unit), keep in edits.items():
        if keep and name == layer.name and edits.get((layer.parent, unit // each), True):
            channels[unit // each] = True
        own = range(unit * each, (unit + 1) * each)
        if keep and name == layer.parent and not features[own.start : own.stop].any():
            for feature in own:
                features[feature] = edits.get((layer.name, feature), True)
