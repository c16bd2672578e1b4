"""Which units a network has, who reads them, and where each stands in the network's tensors: plain data, no torch.

Units of all groups are numbered side by side, group after group: 0 .. n_units - 1. An array that says which unit an
entry belongs to holds `NONE` where the entry belongs to no unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import numpy as np

NONE = -1
# For each entry along one dimension: the unit it belongs to, [entries]. A feature belongs to its channel as well, so a
# dimension can have more than one of these arrays; an entry stays while every unit that it belongs to stays.
Owners = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Group:
    """Units that learn noise together and leave one by one: the channels or neurons that some layers make.

    kind: "pixel", "channel", "neuron" or "feature". shape: of the units, as a page lays them out. parent: of features,
    the group of the channels whose maps they are the places of. members: the modules that make the units.
    """

    name: str
    kind: str
    units: int
    shape: tuple[int, ...]
    parent: str = ""
    members: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a file: all but the members, which follow from the network."""
        return {
            "name": self.name,
            "kind": self.kind,
            "units": self.units,
            "shape": list(self.shape),
            "parent": self.parent,
        }


@dataclass(frozen=True)
class Refusal:
    """A group whose removal is not exact, so it gets no noise: its name, why, and the way out."""

    name: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}. {self.remedy}".strip()


@dataclass(frozen=True, eq=False)
class Layout:
    """The units of one network.

    groups: in the order of the forward pass. reads: by the name of each layer that reads units, the owners of its
    inputs. axes: by the name of each parameter or buffer, the owners along each of its dimensions that units leave.
    rows: by reader, into how many consecutive rows of its input the network splits one example (1 as a rule).
    pixels: the group of the network's input, "" without one. refused: the groups that were left out.
    """

    groups: tuple[Group, ...]
    reads: Mapping[str, Owners]
    axes: Mapping[str, Mapping[int, Owners]]
    rows: Mapping[str, int] = field(default_factory=dict)
    pixels: str = ""
    refused: tuple[Refusal, ...] = ()

    def __deepcopy__(self, memo: object) -> Layout:
        return self  # nothing in it changes

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of each group."""
        return tuple(group.units for group in self.groups)

    @property
    def n_units(self) -> int:
        """Units of all groups."""
        return sum(self.sizes)

    @property
    def names(self) -> tuple[str, ...]:
        """The groups' names."""
        return tuple(group.name for group in self.groups)

    @property
    def scales_input(self) -> bool:
        """Whether pixels are multiplied before the network, since what reads them reads all with the same weights."""
        return bool(self.pixels) and not self.readers(self.pixels)

    def readers(self, group: str) -> list[str]:
        """The layers that read a unit of this group, in the order of the forward pass."""
        at = self.slices()[group]
        return [
            name
            for name, owners in self.reads.items()
            if any(((of >= at.start) & (of < at.stop)).any() for of in owners)
        ]

    def slices(self) -> dict[str, slice]:
        """Where each group's units stand among all, by name.

        >>> Layout((Group("a", "neuron", 2, (2,)), Group("b", "neuron", 3, (3,))), {}, {}).slices()["b"]
        slice(2, 5, None)
        """
        ends = list(accumulate(self.sizes))
        return {g.name: slice(end - g.units, end) for g, end in zip(self.groups, ends, strict=True)}

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values of all units, [units], by group."""
        return {name: values[at] for name, at in self.slices().items()}

    def join(self, by_group: Mapping[str, Sequence[float] | np.ndarray]) -> np.ndarray:
        """Values by group as one array of all units, [units]; raises ValueError unless there is one per group and unit.

        >>> layout = Layout((Group("a", "neuron", 2, (2,)), Group("b", "neuron", 1, (1,))), {}, {})
        >>> layout.join({"a": [1, 2], "b": [3]}).tolist()
        [1, 2, 3]
        """
        given = {name: np.asarray(values).shape for name, values in by_group.items()}
        expected = {group.name: (group.units,) for group in self.groups}
        if given != expected:
            raise ValueError(f"Expected one value for each unit of each group ({expected}), got shapes {given}.")
        return np.concatenate([np.asarray(by_group[name]) for name in self.names])

    def reduced(self, present: np.ndarray) -> Layout:
        """The layout of the same network once all but these units have been cut out of it; present: bool [units].

        Where single features or pixels leave, the layer that reads them selects its inputs, so they are entries of its
        weights alone; the groups' order and names stay.
        """
        new = np.append(np.where(present, np.cumsum(present) - 1, NONE), NONE)
        at = self.slices()
        counts = {group.name: int(present[at[group.name]].sum()) for group in self.groups}
        # A group that is whole keeps its shape, which says how pixels lie in the image.
        shapes = {g.name: g.shape if counts[g.name] == g.units else (counts[g.name],) for g in self.groups}
        groups = tuple(replace(g, units=counts[g.name], shape=shapes[g.name], parent="") for g in self.groups)

        def left(owners: Owners) -> Owners:
            stays = kept_entries(owners, present)
            return tuple(new[of[stays]] for of in owners)

        return self.mapped(groups, left)

    def mapped(self, groups: tuple[Group, ...], change: Callable[[Owners], Owners]) -> Layout:
        """The layout of other groups, with all owners changed."""
        return replace(
            self,
            groups=groups,
            reads={name: change(owners) for name, owners in self.reads.items()},
            axes={name: {dim: change(o) for dim, o in dims.items()} for name, dims in self.axes.items()},
        )

    def without(self, names: Sequence[str], refused: Sequence[Refusal] = ()) -> Layout:
        """The same network with some groups left alone: their units belong to nobody."""
        removed = set(names) | {group.name for group in self.groups if group.parent in names}
        at, new = self.slices(), np.full(self.n_units + 1, NONE)  # the last entry serves NONE itself
        stay = [group for group in self.groups if group.name not in removed]
        start = 0
        for group in stay:
            new[at[group.name]] = np.arange(start, start + group.units)
            start += group.units
        reads = {name: kept for name, owners in self.reads.items() if (kept := _renumbered(owners, new))}
        axes = {name: _renumbered_dims(dims, new) for name, dims in self.axes.items()}
        return replace(
            self,
            groups=tuple(stay),
            reads=reads,
            axes={name: dims for name, dims in axes.items() if dims},
            rows={name: rows for name, rows in self.rows.items() if name in reads},
            pixels="" if self.pixels in removed else self.pixels,
            refused=(*self.refused, *refused),
        )


def close_units(layout: Layout, keep: np.ndarray) -> np.ndarray:
    """The same network with nothing useless in it, bool [units]: a pruned channel takes its features along, and a
    channel none of whose features is left is pruned."""
    closed = keep.copy()
    at = layout.slices()
    for group in layout.groups:
        if group.parent:
            channels, features = closed[at[group.parent]], closed[at[group.name]]
            by_channel = features.reshape(len(channels), -1)
            alive = channels & by_channel.any(axis=1)
            closed[at[group.parent]] = alive
            closed[at[group.name]] = (by_channel & alive[:, None]).reshape(-1)
    return closed


def kept_entries(owners: Owners, keep: np.ndarray) -> np.ndarray:
    """Which entries of a dimension stay, bool [entries]: those all of whose owners do; keep: bool [units].

    >>> kept_entries((np.array([0, 0, 1, NONE]),), np.array([False, True])).tolist()
    [False, False, True, True]
    """
    padded = np.append(keep, True)  # NONE is the last
    return np.logical_and.reduce([padded[of] for of in owners])


def entry_factors(owners: Owners, theta: np.ndarray) -> np.ndarray:
    """The factor of each entry of a dimension, float64 [entries]: the product of its owners' theta [units].

    >>> entry_factors((np.array([0, 1, NONE]),), np.array([0.5, 2.0])).tolist()
    [0.5, 2.0, 1.0]
    """
    padded = np.append(np.asarray(theta, dtype=np.float64), 1.0)
    return np.multiply.reduce([padded[of] for of in owners])


def runs(owner: np.ndarray, starts: Sequence[int], sizes: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    """Consecutive entries of one group: its number among the groups (NONE: of none) and each entry's unit in it.

    >>> [(group, units.tolist()) for group, units in runs(np.array([0, 1, 2, NONE, 0]), [0, 2], [2, 1])]
    [(0, [0, 1]), (1, [0]), (-1, [-1]), (0, [0])]
    """
    group = np.where(owner == NONE, NONE, np.searchsorted(np.asarray(starts), owner, side="right") - 1)
    edges = np.flatnonzero(np.diff(group)) + 1
    for part, of in zip(np.split(owner, edges), np.split(group, edges), strict=True):
        number = int(of[0])
        yield number, part - (starts[number] if number != NONE else 0)


def _renumbered(owners: Owners, new: np.ndarray) -> Owners:
    return tuple(part for of in owners if ((part := new[of]) != NONE).any())


def _renumbered_dims(dims: Mapping[int, Owners], new: np.ndarray) -> dict[int, Owners]:
    return {dim: left for dim, owners in dims.items() if (left := _renumbered(owners, new))}
