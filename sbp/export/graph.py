"""A network as a graph that a page computes without torch: theta is an input, every group's activations are outputs.

The graph holds no weights: it names them as `model.safetensors` does, so that one graph serves every run of a network
and every checkpoint of a run. `python -m sbp.export.graph` writes the graphs of all networks at their own widths.
"""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sbp.export.onnx_quiet import quiet
from sbp.networks.describe import described, example_of
from sbp.networks.registry import build
from sbp.noise.hooks import MultiplyInput
from sbp.noise.install import noise_of
from sbp.spec import NetworkConfig
from sbp.spec.graph import ACTIVATIONS, shipped_graph, shipped_of
from sbp.spec.layout import Layout, Owners
from sbp.spec.networks import NETWORKS

_WEIGHTS = "network."


class _Heard:
    """The activations of the forward pass in progress; an object of its own, since torch.export forbids a module to
    hold what it computes."""

    def __init__(self) -> None:
        self.of: dict[str, Tensor] = {}


class _Listening:
    """Before a reader's noise: keeps what comes in, times the theta of the channels that single features belong to."""

    def __init__(self, heard: _Heard, multiply: MultiplyInput, groups: Sequence[tuple[str, int, np.ndarray]]) -> None:
        self.heard, self.multiply, self.groups = heard, multiply, groups

    def __call__(self, reader: nn.Module, args: tuple[Tensor, ...]) -> None:
        x = args[0]
        axis = 1 if isinstance(reader, nn.Conv1d | nn.Conv2d | nn.Conv3d) else -1
        for name, owner, entries in self.groups:
            if name in self.heard.of:
                continue
            said = x
            if owner:  # of a feature, the output of its channel
                parts = self.multiply.noise._state.parts
                assert parts is not None
                said = x * self.multiply._side_by_side(self.multiply.factors[0], parts)
            units, times = entries.shape
            if not np.array_equal(entries.reshape(-1), np.arange(x.shape[axis])):
                said = said.index_select(axis, torch.from_numpy(entries.reshape(-1)))
            self.heard.of[name] = said.unflatten(axis, (units, times)) if times > 1 else said


class _Computed(nn.Module):
    """images [batch, C, H, W], theta [1 or batch, units] -> logits, then the activations of every group."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.heard = _Heard()
        noise = noise_of(network)
        self.groups = [name for name in noise.layout.names if name != _outside(noise.layout)]
        for name, owners in noise.layout.reads.items():
            reader = network.get_submodule(name)
            multiply = next(hook for hook in reader._forward_pre_hooks.values() if isinstance(hook, MultiplyInput))
            listening = _Listening(self.heard, multiply, _entries(owners, noise.layout))
            reader.register_forward_pre_hook(listening, prepend=True)

    def forward(self, images: Tensor, theta: Tensor) -> tuple[Tensor, ...]:
        """Logits and activations, in the groups' order."""
        heard: dict[str, Tensor] = {}
        self.heard.of = heard
        with noise_of(self.network).using(theta=theta.expand(images.shape[0], -1)):
            logits = self.network(images)
        self.heard.of = {}
        return logits, *(heard[name] for name in self.groups)


@functools.cache  # of runs in one process, as seeds in a pack, most share their network
def graph_for(network: NetworkConfig) -> bytes:
    """The graph of the network that a run names: the one that ships with the code, at its own widths, else made."""
    return shipped_of(network.name, network.widths) or graph_bytes(build(network.name, network.widths))


def graph_bytes(network: nn.Module) -> bytes:
    """An ONNX model of a network with noise or masks on it, in eval mode, without its weights.

    logits, activations = graph(images, theta); each reader of unit i is given x_i theta_i.

    Inputs: `images`, float32 [batch, C, H, W]; `theta`, float32 [1 or batch, units], all units side by side, group
    after group: E[theta] keep for the masked network. Outputs: `logits` [batch, classes]; for each group "units.GROUP",
    what its first reader reads of it before its own theta, [batch, units, ...]. Pixels that no layer tells apart are no
    input: their theta multiplies the images themselves, so the graph knows nothing of them.

    Args:
        network: as `sbp.networks.registry.build` gives it; it is left as it is.

    Returns:
        The file's bytes; its initializers have the names and shapes of the weights, and no values.

    >>> len(graph_bytes(build("lenet-500-300", (4, 3)))) < 10_000
    True
    """
    network = copy.deepcopy(network).cpu().float().eval()
    outside = _outside(noise_of(network).layout)
    if outside:
        raise ValueError("network: expected one without noise on pixels that no layer reads; the images carry it.")
    computed = _Computed(network).eval()
    images, theta = example_of(NETWORKS[described(network).name]), torch.ones(1, noise_of(network).layout.n_units)
    with quiet(), torch.no_grad():
        program = torch.onnx.export(
            computed,
            (images, theta),
            input_names=["images", "theta"],
            output_names=["logits", *(ACTIVATIONS + name for name in computed.groups)],
            dynamic_shapes=({0: "batch"}, None),
            dynamo=True,
            verbose=False,
            optimize=False,
        )
    assert program is not None
    return _without_weights(program.model_proto)


def _without_weights(model: object) -> bytes:
    import onnx  # of the extra "export"

    assert isinstance(model, onnx.ModelProto)
    for tensor in model.graph.initializer:
        if not tensor.name.startswith(_WEIGHTS):
            continue
        name = tensor.name.removeprefix(_WEIGHTS)
        for node in model.graph.node:
            node.input[:] = [name if used == tensor.name else used for used in node.input]
        tensor.name = name
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        tensor.external_data.add(key="location", value="model.safetensors")
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    theta = next(value for value in model.graph.input if value.name == "theta")
    theta.type.tensor_type.shape.dim[0].Clear()
    theta.type.tensor_type.shape.dim[0].dim_param = "one_or_batch"
    return bytes(model.SerializeToString(deterministic=True))


def _entries(owners: Owners, layout: Layout) -> list[tuple[str, int, np.ndarray]]:
    """By group: its name, which of the owners it is, and the entries of each of its units, [units, times]."""
    found = []
    for number, owner in enumerate(owners):
        for name, at in layout.slices().items():
            places = np.flatnonzero((owner >= at.start) & (owner < at.stop))
            if len(places):
                order = places[np.argsort(owner[places], kind="stable")]
                found.append((name, number, order.reshape(at.stop - at.start, -1)))
    return found


def _outside(layout: Layout) -> str:
    """The group of pixels that multiply the images before the network, "" for none."""
    return layout.pixels if layout.scales_input else ""


def main(*words: str) -> None:
    """Writes the graphs of all networks, or that of one at other widths: NAME WIDTH,WIDTH,... FILE."""
    if not words:
        for name in NETWORKS:
            path = shipped_graph(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(graph_bytes(build(name)))
        return
    name, widths, file = words
    content = graph_bytes(build(name, tuple(int(width) for width in widths.split(",") if width)))
    path = Path(file)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
