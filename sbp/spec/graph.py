"""Where the graphs of the networks lie by which a page computes them, and what their inputs and outputs are called."""

from __future__ import annotations

from pathlib import Path

# Written by `python -m sbp.export.graph`: small, since a graph holds no weights.
SHIPPED = Path(__file__).parent / "graphs"
ACTIVATIONS = "units."


def shipped_graph(name: str) -> Path:
    """The graph of a network at its own widths.

    >>> shipped_graph("lenet-5-caffe").name
    'lenet-5-caffe.onnx'
    """
    return SHIPPED / f"{name}.onnx"
