"""Finds the groups of units that must leave together, and who reads them, by Torch-Pruning's dependency graph.

The graph is traced on a copy and thrown away: what is kept of it is a `Layout`, plain arrays by the names of modules
and tensors.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch_pruning
from torch import Tensor, nn
from torch_pruning import ops
from torch_pruning._helpers import _HybridIndex

from sbp.noise.inputs import Arguments, float_outputs
from sbp.noise.install import copied
from sbp.noise.layers import WEIGHTS, Call, Convolution, inputs_of, is_depthwise, layer_calls, outputs_of, tensor_dims
from sbp.noise.rows import rows_per_example
from sbp.spec.layout import NONE, Group, Layout

_KINDS = ops.OPTYPE


@dataclass(frozen=True, eq=False)
class Found:
    """layout: every candidate. touches: by group, the types and names of all modules that it runs through.

    calls: each layer of weights by name, in the order of the forward pass. unread: the groups that nothing reads, or
    that are outputs of the network, by the reason why they cannot leave; no reason ("") where they are outputs and
    nothing else. tied: groups whose units do not line up one by one with what reads them.
    """

    layout: Layout
    touches: dict[str, list[tuple[str, nn.Module | None]]]
    calls: dict[str, Call]
    unread: dict[str, str]
    tied: tuple[str, ...] = ()


def find_groups(model: nn.Module, arguments: Arguments) -> Found:
    """The groups of a network's units, before anything is refused.

    model: not changed. arguments: an example call. Raises ValueError where it cannot be copied or traced.
    """
    traced = copied(model).eval()
    for parameter in traced.parameters():
        parameter.requires_grad_(parameter.is_floating_point() or parameter.is_complex())
    calls = layer_calls(traced, arguments)
    graph = _graph(traced, arguments)
    names = {module: name for name, module in traced.named_modules()}
    return _Collector(graph, names, calls, rows_per_example(traced, arguments, list(calls))).found()


def _graph(model: nn.Module, arguments: Arguments) -> torch_pruning.DependencyGraph:
    def forward(module: nn.Module, call: Arguments) -> list[Tensor]:
        outputs = float_outputs(module(*call[0], **call[1]))
        # A factor of 1 makes every output a node of its own, so that a group that reaches it is seen to.
        return [output * 1 for output in outputs if output.requires_grad]

    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        try:
            return torch_pruning.DependencyGraph().build_dependency(
                model, example_inputs=arguments, forward_fn=forward, verbose=False
            )
        except Exception as error:
            raise ValueError(
                f"The network's graph cannot be traced on example_input ({type(error).__name__}: {error}). Attach to "
                "parts of it that can: sbp.attach(model.part, what the part is called with)."
            ) from error


class _Collector:
    """Walks the groups of a dependency graph and writes down who owns what."""

    def __init__(
        self,
        graph: torch_pruning.DependencyGraph,
        names: dict[nn.Module, str],
        calls: dict[str, Call],
        rows: dict[str, int],
    ) -> None:
        self.graph, self.names, self.calls, self.rows = graph, names, calls, rows
        modules = {name: module for module, name in names.items()}
        # No tensor has more channels than all layers' outputs side by side, or than what a layer reads.
        sizes = [(outputs_of(modules[name]), inputs_of(modules[name])) for name in calls]
        self.widest = max([sum(made for made, _ in sizes), *(read for _, read in sizes)], default=0)
        self.groups: list[Group] = []
        self.units = 0
        self.made: dict[str, np.ndarray] = {}  # by layer: the owner of each output, as far as it is known
        self.reads: dict[str, np.ndarray] = {}
        self.axes: dict[str, dict[int, np.ndarray]] = {}
        self.touches: dict[str, list[tuple[str, nn.Module | None]]] = {}
        self.unread: dict[str, str] = {}
        self.tied: list[str] = []

    def found(self) -> Found:
        modules = {name: module for module, name in self.names.items()}
        for name in self.calls:
            module = modules[name]
            if module not in self.graph.module2node or is_depthwise(module):
                continue
            owner = self.made.setdefault(name, np.full(outputs_of(module), NONE))
            free = np.flatnonzero(owner == NONE)
            if len(free):
                self._collect(name, module, free)
        layout = Layout(
            tuple(self.groups),
            {name: (owner,) for name, owner in self._in_order(self.reads).items()},
            {name: {dim: (owner,) for dim, owner in dims.items()} for name, dims in self.axes.items()},
            {name: self.rows[name] for name in self._in_order(self.reads)},
        )
        return Found(layout, self.touches, self.calls, self.unread, tuple(self.tied))

    def _collect(self, name: str, module: nn.Module, free: np.ndarray) -> None:
        """The group of the outputs of one layer that no group has yet."""
        pruner = self.graph.get_pruner_of_module(module)
        reached, tied = reach(self.graph.module2node[module], pruner.prune_out_channels, free, self.widest)
        unit = np.full(int(free.max()) + 1, NONE)
        unit[free] = np.arange(self.units, self.units + len(free))
        touches: list[tuple[str, nn.Module | None]] = []
        members, reaches_output, is_read = [], False, False
        for (target, handler), root_of in reached.items():
            thing, kind = target.module, target.type
            places, owners = np.array(list(root_of)), unit[np.array(list(root_of.values()))]
            if kind == _KINDS.OUTPUT:
                reaches_output = True
            elif kind == _KINDS.PARAMETER:
                parameter = self.graph._param_to_name[thing]
                touches.append((parameter, None))
                self._own(parameter, target.pruning_dim % thing.dim(), thing.shape, places, owners)
            elif thing in self.names:
                own_name = self.names[thing]
                touches.append((own_name, thing))
                mixes = isinstance(thing, WEIGHTS) and not is_depthwise(thing)
                reads = mixes and handler == self.graph.REGISTERED_PRUNERS[kind].prune_in_channels
                is_read = is_read or reads
                if mixes and not reads:
                    members.append(own_name)
                    made = self.made.setdefault(own_name, np.full(outputs_of(thing), NONE))
                    tied |= not _put(made, places, owners)
                if reads:
                    read = self.reads.setdefault(own_name, np.full(inputs_of(thing), NONE))
                    tied |= not _put(read, places, owners)
                for tensor, dim in tensor_dims(thing, reads):
                    shape = dict(thing.named_parameters(recurse=False)) | dict(thing.named_buffers(recurse=False))
                    if tensor not in shape:  # a weight that is computed from others; the group is refused for it
                        continue
                    self._own(f"{own_name}.{tensor}".lstrip("."), dim, shape[tensor].shape, places, owners)
        kind = "channel" if isinstance(module, Convolution) else "neuron"
        self.groups.append(Group(name, kind, len(free), (len(free),), members=tuple(members)))
        self.units += len(free)
        self.touches[name] = touches
        if tied:
            self.tied.append(name)
        if reaches_output:
            self.unread[name] = "its units are outputs of the network as well" if is_read else ""
        elif not is_read:
            self.unread[name] = "no convolution and no dense layer reads its units"

    def _own(self, tensor: str, dim: int, shape: tuple[int, ...], places: np.ndarray, owners: np.ndarray) -> None:
        _put(self.axes.setdefault(tensor, {}).setdefault(dim, np.full(shape[dim], NONE)), places, owners)

    def _in_order(self, reads: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: reads[name] for name in self.calls if name in reads}


def reach(
    start: Any, handler: Any, places: np.ndarray, widest: int
) -> tuple[dict[tuple[Any, Any], dict[int, int]], bool]:
    """Follows the graph's dependencies from some outputs of one layer to everything that must leave with them.

    Torch-Pruning's own walk looks through all that it found at every step, which takes minutes where cells of many
    branches meet; here each entry of each tensor is visited once.

    Args:
        start, handler: the layer's node and the function that prunes its outputs.
        places: the outputs to follow.
        widest: entries that any tensor can have. Where a network rotates its units (as rotary embeddings do), the
            dependencies lead round in circles that never close, to ever higher entries.

    Returns:
        By node and pruning function, the place of the output that each entry goes back to; and whether some entry goes
        back to two of them, to a place that does not exist or to no known one, so that the units cannot leave one by
        one.
    """
    reached: dict[tuple[Any, Any], dict[int, int]] = {(start, handler): {int(at): int(at) for at in places}}
    work = [(start, handler, [_HybridIndex(int(at), int(at)) for at in places])]
    tied = False
    while work:
        node, function, entries = work.pop()
        for dependency in node.dependencies:
            if not dependency.is_triggered_by(function):
                continue
            mapped = entries
            try:
                for mapping in dependency.index_mapping:
                    if mapping is not None:
                        mapped = mapping(mapped)
            except (ArithmeticError, LookupError):  # a split or a reshape whose sizes Torch-Pruning took for others
                tied = True
                continue
            known = reached.setdefault((dependency.target, dependency.handler), {})
            new = []
            for entry in mapped:
                if entry.root_idx is None or not 0 <= entry.idx < widest:
                    tied = True
                elif entry.idx not in known:
                    known[entry.idx] = entry.root_idx
                    new.append(entry)
                elif known[entry.idx] != entry.root_idx:
                    tied = True
            if new:
                work.append((dependency.target, dependency.handler, new))
    return {key: found for key, found in reached.items() if found}, tied


def _put(owner: np.ndarray, places: np.ndarray, owners: np.ndarray) -> bool:
    """Writes owners at their places; whether all of these exist and had no other owner."""
    fits = (places >= 0) & (places < len(owner))
    free = (owner[places[fits]] == NONE) | (owner[places[fits]] == owners[fits])
    owner[places[fits]] = owners[fits]
    return bool(fits.all() and free.all())
