"""What is known of a network without building it: its groups of units, its layers of weights, its MACs. No torch.

It is derived from the module once (`sbp.networks.describe`), stored in the run's folder, and asked by everything that
does not compute the network: masks, costs, pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from sbp.spec.layout import Group

# Counts up when a field changes its meaning.
SCHEMA = 1
MOST_MACS = 10**15  # and so it counts in int64 whatever is done with it


@dataclass(frozen=True)
class WeightLayer:
    """One dense or convolutional layer: its module's name, which groups it reads, and which it makes.

    reads: the groups that multiply what comes in, in the order of the forward pass; of a channel and its features the
    last alone counts its inputs. times: inputs a unit of each. fixed_in: inputs of no group (the image's channels).
    makes: the groups whose units are its outputs; fixed_out: outputs of no group (the classes). kernel: numbers of one
    kernel (1 in a dense layer); side: rows of it. positions: where it is applied in one image. pool: the factor by
    which maps shrink before the next layer. padding: rows of zeros around what comes in. norm: the batch normalisation
    that follows it, "" for none. depthwise: whether each output reads one input of its own.
    """

    name: str
    kind: str
    reads: tuple[str, ...] = ()
    times: tuple[int, ...] = ()
    fixed_in: int = 0
    makes: str = ""
    fixed_out: int = 0
    kernel: int = 1
    positions: int = 1
    pool: int = 1
    padding: int = 0
    norm: str = ""
    depthwise: bool = False

    def inputs(self, kept: Mapping[str, int]) -> int:
        """Input channels or features when this many units of each group are kept.

        >>> WeightLayer("dense1", "dense", ("conv2", "features"), (16, 1), makes="dense1").inputs(
        ...     {"conv2": 18, "features": 284}
        ... )
        284
        """
        if self.depthwise:
            return 1
        return self.fixed_in + sum(kept[name] * n for name, n in zip(self.counted, self._times, strict=True))

    def outputs(self, kept: Mapping[str, int]) -> int:
        """Output channels or neurons when this many units of each group are kept."""
        return self.fixed_out + (kept[self.makes] if self.makes else 0)

    @property
    def counted(self) -> tuple[str, ...]:
        """The groups that count the inputs: features instead of the channels that they are places of."""
        return self.reads[-1:] if self.by_feature else self.reads

    @property
    def by_feature(self) -> bool:
        """Whether single features are units, beside the channel that they belong to."""
        return len(self.reads) == 2 and self.times[-1] == 1 and self.reads[-1].endswith("features")

    @property
    def _times(self) -> tuple[int, ...]:
        return self.times[-1:] if self.by_feature else self.times

    def macs(self, kept: Mapping[str, int]) -> int:
        """Multiply-accumulates per image: every kernel once per position, biases not counted."""
        return self.inputs(kept) * self.outputs(kept) * self.kernel * self.positions

    def params(self, kept: Mapping[str, int]) -> int:
        """Weights and biases; a batch normalisation counts as the bias that it can be folded into."""
        return self.outputs(kept) * (self.inputs(kept) * self.kernel + 1)

    def activations(self, kept: Mapping[str, int]) -> int:
        """Numbers that the layer puts out for one image, before any pooling."""
        return self.outputs(kept) * self.positions


@dataclass(frozen=True)
class Description:
    """A network: its name, its widths, its groups of units, its layers of weights in the order of the forward pass.

    image: channels, rows and columns of what it reads. scales: how many units of each group one unit of which width
    makes, (index among the widths, factor), or (-1, units) where no width decides.
    """

    name: str
    title: str
    widths: tuple[int, ...]
    groups: tuple[Group, ...]
    weights: tuple[WeightLayer, ...]
    image: tuple[int, int, int] = (1, 28, 28)
    scales: tuple[tuple[int, int], ...] = ()

    def __deepcopy__(self, memo: object) -> Description:
        return self  # nothing in it changes

    def at(self, widths: Sequence[int] = ()) -> Description:
        """The same network at other widths; none means its own."""
        widths = tuple(widths) or self.widths
        if widths == self.widths:
            return self
        if len(widths) != len(self.widths):
            raise ValueError(f"widths: expected {len(self.widths)} numbers for {self.name}, got {list(widths)}.")
        groups = []
        for group, (index, factor) in zip(self.groups, self.scales, strict=True):
            units = factor if index < 0 else widths[index] * factor
            shape = group.shape if index < 0 else (units // (group.units // group.shape[0]), *group.shape[1:])
            groups.append(replace(group, units=units, shape=shape))
        return replace(self, widths=widths, groups=tuple(groups))

    def with_pixels(self) -> Description:
        """The same network with a unit for every pixel, the group "input", where it has none."""
        if any(group.kind == "pixel" for group in self.groups):
            return self
        rows, columns = self.image[1:]
        pixels = Group("input", "pixel", rows * columns, (rows, columns))
        return replace(self, groups=(pixels, *self.groups), scales=((-1, rows * columns), *self.scales))

    def layers(self, widths: Sequence[int] = ()) -> tuple[Group, ...]:
        """The groups at these widths; no widths means the network's own."""
        return self.at(widths).groups

    def counts(self, kept: Sequence[int]) -> dict[str, int]:
        """Kept counts by the names of the groups, in whose order they come.

        Where nothing of the image reaches the classes any more, nothing is left of any group: the constant predictor.
        Raises ValueError unless there is one count per group, none below 0.
        """
        names = [group.name for group in self.groups]
        if len(kept) != len(names) or min(kept, default=0) < 0:
            raise ValueError(f"kept: expected a count for each of {', '.join(names)}, got {list(kept)}.")
        counts = {name: int(count) for name, count in zip(names, kept, strict=True)}
        return counts if self._reaches(counts) else dict.fromkeys(names, 0)

    def kept_widths(self, kept: Sequence[int]) -> list[int]:
        """The widths of the compact network: of each width, the units kept of the first group that it decides.

        All are 0 for the constant predictor.
        """
        counts = list(self.counts(kept).values())
        first = {index: place for place, (index, factor) in reversed(list(enumerate(self.scales))) if factor == 1}
        return [counts[first[index]] for index in range(len(self.widths))]

    def macs(self, kept: Sequence[int]) -> int:
        """Multiply-accumulates per image with these kept counts, one per group.

        Conv and dense layers, no bias; FLOPs = 2 x MACs.
        """
        counts = self.counts(kept)
        if kept and not any(counts.values()):
            return 0
        return sum(weights.macs(counts) for weights in self.weights)

    def dense_macs(self, widths: Sequence[int] = ()) -> int:
        """MACs per image with every unit kept."""
        return self.at(widths)._all_macs

    @cached_property
    def _all_macs(self) -> int:
        return self.macs([group.units for group in self.groups])

    def unit_macs(self, widths: Sequence[int] = ()) -> tuple[int, ...]:
        """MACs that one unit of each group owns: what the dense network saves when that one unit goes.

        A channel's features go with it, so their MACs are its own too.
        """
        groups = self.layers(widths)
        owned = []
        for removed in groups:
            left = [
                group.units - (group is removed) - (group.parent == removed.name) * (group.units // removed.units)
                for group in groups
            ]
            owned.append(self.dense_macs(widths) - self.macs(left))
        return tuple(owned)

    @property
    def pixels_outside(self) -> str:
        """The group of pixels that no layer tells apart, so that theta multiplies the image itself; "" for none."""
        read = {name for layer in self.weights for name in layer.reads}
        return next((g.name for g in self.groups if g.kind == "pixel" and g.name not in read), "")

    @cached_property
    def is_chain(self) -> bool:
        """Whether each layer of weights reads what the one before it makes and nothing else."""
        before = ""
        for number, weights in enumerate(self.weights):
            read = weights.reads[:1] if weights.by_feature else weights.reads
            image = number == 0 and read in ((), *((g.name,) for g in self.groups if g.kind == "pixel"))
            if weights.depthwise or not (image or read == (before,)):
                return False
            before = weights.makes
        return True

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Description:
        """Reads what `to_dict` gave; raises ValueError for another schema, another form, or what fits no network."""
        if values.get("schema") != SCHEMA:
            raise ValueError(f"schema: expected {SCHEMA}, got {values.get('schema')!r}.")
        try:
            groups = tuple(Group(**_tuples(group)) for group in values["groups"])
            weights = tuple(WeightLayer(**_tuples(layer)) for layer in values["weights"])
            rest = {key: value for key, value in values.items() if key not in ("schema", "groups", "weights")}
            rest["scales"] = tuple((int(index), int(factor)) for index, factor in rest["scales"])
            found = cls(groups=groups, weights=weights, **_tuples(rest))
        except (TypeError, KeyError) as error:
            raise ValueError(f"Expected a network's description, got one that lacks or has {error}.") from None
        found._check()
        return found

    def _check(self) -> None:
        """Raises ValueError where a name stands for no group, sizes do not divide, or MACs are beyond all counting."""
        units = {group.name: group.units for group in self.groups}
        if len(units) < len(self.groups):
            raise ValueError("groups: expected a name of its own for each, got one twice.")
        for group in self.groups:
            if math.prod(group.shape) != group.units or (group.parent and group.units % units.get(group.parent, 2**63)):
                raise ValueError(f"{group.name}: expected a shape and a parent that fit {group.units:,} units.")
        for layer in self.weights:
            if strangers := {*layer.reads, *filter(None, (layer.makes,))} - units.keys():
                raise ValueError(f"{layer.name}: expected groups of the network, got {min(strangers)!r:.60}.")
            if len(layer.times) != len(layer.reads):
                raise ValueError(f"{layer.name}: expected {len(layer.reads)} times, as many as reads.")
        if self.scales and len(self.scales) != len(self.groups):
            raise ValueError(f"scales: expected one for each of {len(self.groups)} groups, got {len(self.scales)}.")
        if any(not -1 <= index < len(self.widths) for index, _ in self.scales):
            raise ValueError(f"scales: expected places among {len(self.widths)} widths, or -1.")
        if self._all_macs > MOST_MACS:
            raise ValueError(f"weights: expected at most {MOST_MACS:.0e} MACs an image, got {self._all_macs:.1e}.")

    def _reaches(self, counts: Mapping[str, int]) -> bool:
        """Whether the image reaches the classes through layers that have inputs and outputs left."""
        read = {name for weights in self.weights for name in weights.reads}
        if any(group.kind == "pixel" and group.name not in read and not counts[group.name] for group in self.groups):
            return False  # every pixel is 0 before the network
        alive: set[str] = set()
        for weights in self.weights:
            reads = [name for name in weights.reads if counts[name]]
            from_image = not weights.reads or weights.fixed_in > 0 or any(self._is_pixel(name) for name in reads)
            from_units = all(counts[n] for n in weights.reads) if weights.by_feature else bool(reads)
            heard = (from_image and (not weights.reads or from_units or weights.fixed_in > 0)) or any(
                name in alive for name in (reads if from_units else ())
            )
            if heard and weights.fixed_out and weights is self.weights[-1]:
                return True
            if heard and weights.makes and counts[weights.makes]:
                alive.add(weights.makes)
                alive |= {group.name for group in self.groups if group.parent == weights.makes and counts[group.name]}
        return False

    def _is_pixel(self, name: str) -> bool:
        return any(group.name == name and group.kind == "pixel" for group in self.groups)


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
