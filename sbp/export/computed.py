"""A trained network as a page computes it: its graph with the weights of a model.safetensors in it, by onnxruntime.

No torch; onnxruntime is imported when something is first computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sbp.distributions import moments
from sbp.export.browser import read_weights
from sbp.pruning.kept_weights import cut, padded, unpack
from sbp.pruning.masks import Masks, own_masks
from sbp.spec.description import Description
from sbp.spec.fit import check_fit, noise_arrays
from sbp.spec.graph import ACTIVATIONS
from sbp.spec.layout import Group
from sbp.spec.noise import LOC_MARGIN, LOG_SCALE_RANGE

# Numbers in the largest maps of the images that are computed at once: some 12 MB a copy. onnxruntime keeps what it once
# took, several copies a network; four times as many take four times the memory, and no less time.
CHUNK = 3_000_000


@dataclass(frozen=True, eq=False)
class ComputedNetwork:
    """A network with its weights by name ("dense1.weight"), mu and log sigma by group, a and b, and its graph.

    graph: the bytes that `sbp.export.graph.graph_bytes` gave for a network of this architecture. small: the same
    network at fewer units, and which they are (`kept_alone`).
    """

    description: Description
    weights: dict[str, np.ndarray]
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]
    graph: bytes
    log_low: float = -20.0
    log_high: float = 0.0
    small: tuple[ComputedNetwork, Masks] | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups of units."""
        return self.description.groups

    @cached_property
    def theta(self) -> dict[str, np.ndarray]:
        """E[theta] of every unit, float64, by group."""
        low, high = self.log_low - LOC_MARGIN, self.log_high + LOC_MARGIN
        return {
            name: moments.mean(
                np.clip(loc, low, high).astype(np.float64),
                np.clip(self.log_scale[name], *LOG_SCALE_RANGE).astype(np.float64),
                self.log_low,
                self.log_high,
            )
            for name, loc in self.loc.items()
        }

    @cached_property
    def snr(self) -> dict[str, np.ndarray]:
        """SNR of every unit by group."""
        return {
            name: np.asarray(moments.snr(loc, self.log_scale[name], self.log_low, self.log_high))
            for name, loc in self.loc.items()
        }

    @cached_property
    def own_masks(self) -> Masks:
        """What the network itself keeps, SNR >= 1, closed."""
        return own_masks(self.loc, self.log_scale, self.groups, self.log_low, self.log_high)

    @property
    def computed_macs(self) -> int:
        """Multiply-accumulates that `logits` takes for one image, where the masks keep no other units than `small`."""
        return (self.small[0] if self.small else self).description.dense_macs()

    def logits(self, images: np.ndarray, masks: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits [n, classes] of the masked network.

        Args:
            images: float32 [n, C, H, W], as the network reads them (`sbp.spec.images.as_read`).
            masks: bool [units] by group, closed.
        """
        if self.small:
            network, units = self.small
            if not any((masks[name] & ~have).any() for name, have in units.items()):
                return network.logits(images, {name: masks[name][have] for name, have in units.items()})
        return self._run(["logits"], images, masks)[0]

    def kept_alone(self, graph_at: Callable[[tuple[int, ...]], bytes]) -> ComputedNetwork:
        """The same network, whose `logits` are computed with the units that it keeps, wherever the masks keep no other.

        Args:
            graph_at: gives the graph of the network at some widths.
        """
        widths, units = padded(self.description, self.own_masks)
        if widths == self.description.widths:
            return self
        loc, log_scale = ({g: q[units[g]] for g, q in given.items()} for given in (self.loc, self.log_scale))
        weights = cut(self.description, self.weights, units)
        small = replace(
            self,
            description=self.description.at(widths),
            weights=weights,
            loc=loc,
            log_scale=log_scale,
            graph=graph_at(widths),
        )
        return replace(self, small=(small, units))

    def trace(self, image: np.ndarray, masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The activation of every unit for one image [C, H, W], before its own noise and after that of earlier units.

        By group: [units], or [units, ...] where a unit has a map; "logits". Its output is this times
        E[theta] keep.
        """
        outside = self.description.pixels_outside
        inside = [group for group in self.groups if group.name != outside]
        names = [ACTIVATIONS + group.name for group in inside]
        logits, *said = self._run(["logits", *names], image[None], masks)
        found = {group.name: _as_map(values[0], group) for group, values in zip(inside, said, strict=True)}
        if outside:
            found[outside] = image.mean(axis=0).reshape(-1)  # a pixel's colours share its theta
        return {**found, "logits": logits[0]}

    def _run(self, outputs: list[str], images: np.ndarray, masks: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        passed = {name: (theta * masks[name]).astype(np.float32) for name, theta in self.theta.items()}
        images = np.ascontiguousarray(images, np.float32)
        outside = self.description.pixels_outside
        if outside:
            images = images * passed[outside].reshape(images.shape[2:])
        inside = [passed[group.name] for group in self.groups if group.name != outside]
        theta = np.concatenate(inside)[None] if inside else np.zeros((1, 0), np.float32)
        step = max(1, CHUNK // self._most_activations)
        parts = [
            self._session.run(outputs, {"images": images[at : at + step], "theta": theta})
            for at in range(0, max(1, len(images)), step)
        ]
        return parts[0] if len(parts) == 1 else [np.concatenate(each) for each in zip(*parts, strict=True)]

    @cached_property
    def _most_activations(self) -> int:
        units = {group.name: group.units for group in self.groups}
        return max((layer.activations(units) for layer in self.description.weights), default=1)

    @cached_property
    def _session(self) -> Any:
        import onnxruntime  # a page that computes nothing need not wait for it

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        named = {name: np.ascontiguousarray(value) for name, value in self.weights.items()}
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in named.values()]
        try:
            options.add_external_initializers(list(named), values)
            return onnxruntime.InferenceSession(self.graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own kinds have no common ancestor
            raise ValueError(
                f"{self.description.title} cannot be computed: its graph and its weights do not fit ({error!s:.200})."
            ) from None


def read_network(
    path: Path, description: Description, graph: bytes, log_low: float = -20.0, log_high: float = 0.0
) -> ComputedNetwork:
    """Reads model.safetensors of a run.

    Args:
        path: of the file.
        description: of the run's network.
        graph: of the network, `sbp.runs.graphs.graph_of`.
        log_low, log_high: a and b.

    Raises:
        ValueError: the file cannot be read, or does not fit the network.
    """
    where, arrays = f"{path.name} in {path.parent}", read_weights(path)
    try:
        arrays = unpack(description, arrays)
    except ValueError as error:
        raise ValueError(f"{where} cannot be used: {error}") from None
    check_fit(description, arrays, where)
    loc, log_scale = noise_arrays(description, arrays)
    weights = {name: a for name, a in arrays.items() if not name.startswith("noise.") and a.dtype.kind == "f"}
    return ComputedNetwork(description, weights, loc, log_scale, graph, log_low, log_high)


def _as_map(values: np.ndarray, group: Group) -> np.ndarray:
    """A flattened map as rows and columns, where it is square and the units are channels."""
    if group.kind == "channel" and values.ndim == 2:
        side = round(values.shape[1] ** 0.5)
        return values.reshape(len(values), side, side) if side * side == values.shape[1] else values
    return values
