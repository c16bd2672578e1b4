"""Silences torch's messages about itself during an export, which do not concern the network."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Within it torch's exporter is silent."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # "torchvision is not installed", four times
    try:
        with warnings.catch_warnings():
            # torch 2.13 copies a class of its own that it has deprecated.
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            # A theta of one row is meant for any batch; the graph says so afterwards.
            warnings.filterwarnings("ignore", r".*dynamic_shapes.*", UserWarning)
            yield
    finally:
        registration.setLevel(level)
