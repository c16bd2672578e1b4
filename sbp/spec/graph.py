"""Where the graphs of the networks lie by which a page computes them, and what their inputs and outputs are called."""

from __future__ import annotations

from pathlib import Path

from sbp.spec.networks import NETWORKS

# Written by `python -m sbp.export.graph`: small, since a graph holds no weights.
SHIPPED = Path(__file__).parent / "graphs"
ACTIVATIONS = "units."


def shipped_graph(name: str) -> Path:
    """The graph of a network at its own widths.

    >>> shipped_graph("lenet-5-caffe").name
    'lenet-5-caffe.onnx'
    """
    return SHIPPED / f"{name}.onnx"


def shipped_of(name: str, widths: tuple[int, ...]) -> bytes | None:
    """The graph that ships with the code, for a network at its own widths; None for others."""
    path = shipped_graph(name)
    if tuple(widths) in ((), NETWORKS[name].widths) and path.exists():
        return path.read_bytes()
    return None
